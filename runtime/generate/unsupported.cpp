#include "runtime/generate/unsupported.hpp"

#include <algorithm>
#include <array>

namespace lanewise {
namespace generate {
namespace {

enum class Where { kSampling, kBeams, kNoBeams, kGreedy, kNoMaxNewTokens, kNoMinNewTokens };

/// Fields that matter only in some searches; all others always do. Source: Transformers 5.24,
/// generation/utils.py, _get_logits_processor() and _prepare_*length(), and
/// GenerationConfig.get_generation_mode().
struct Scope {
  std::string_view field;
  Where where;
};
constexpr std::array kScopes = std::to_array<Scope>({{"dola_layers", Where::kNoBeams},
                                                     {"early_stopping", Where::kBeams},
                                                     {"epsilon_cutoff", Where::kSampling},
                                                     {"eta_cutoff", Where::kSampling},
                                                     {"length_penalty", Where::kBeams},
                                                     {"max_length", Where::kNoMaxNewTokens},
                                                     {"min_length", Where::kNoMinNewTokens},
                                                     {"min_p", Where::kSampling},
                                                     {"num_beam_groups", Where::kBeams},
                                                     {"penalty_alpha", Where::kGreedy},
                                                     {"renormalize_logits", Where::kBeams},
                                                     {"temperature", Where::kSampling},
                                                     {"top_h", Where::kSampling},
                                                     {"top_k", Where::kSampling},
                                                     {"top_p", Where::kSampling},
                                                     {"typical_p", Where::kSampling}});

bool holds(Where where, const GenerationOptions& options) {
  const bool samples = options.temperature > 0.0;
  const bool beams = options.beams > 1;
  switch (where) {
    case Where::kSampling:
      return samples;
    case Where::kBeams:
      return beams;
    case Where::kNoBeams:
      return !beams;
    case Where::kGreedy:
      return !beams && !samples;
    case Where::kNoMaxNewTokens:
      return options.max_new_tokens == 0;
    case Where::kNoMinNewTokens:
      return options.min_new_tokens == 0;
  }
  return true;
}

}  // namespace

bool is_obeyed(const UnsupportedOption& option, const GenerationOptions& options) {
  const auto* const scope = std::ranges::find(kScopes, option.field, &Scope::field);
  return scope == kScopes.end() || holds(scope->where, options);
}

}  // namespace generate

void override_unsupported(GenerationOptions& options, std::span<const std::string_view> fields) {
  std::erase_if(options.unsupported, [&](const UnsupportedOption& option) {
    return std::ranges::find(fields, option.field) != fields.end();
  });
}

}  // namespace lanewise
