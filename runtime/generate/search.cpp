#include "runtime/generate/search.hpp"

#include <algorithm>

#include "runtime/generate/beam_search.hpp"
#include "runtime/generate/token_search.hpp"

namespace lanewise::generate {

int64_t allowed_new_tokens(const GenerationOptions& options, int64_t prompt_tokens, int64_t limit) {
  if (options.max_new_tokens > 0) {
    limit = std::min(limit, options.max_new_tokens);
  } else if (options.max_length > 0) {
    limit = std::min(limit, options.max_length - prompt_tokens);
  }
  return std::max<int64_t>(limit, 0);
}

std::unique_ptr<Search> make_search(const GenerationOptions& options, ops::Isa isa,
                                    int64_t vocabulary, std::span<const int32_t> prompt,
                                    int64_t max_new_tokens, uint64_t sequence, StopRule* rule) {
  const auto tokens = static_cast<int64_t>(prompt.size());
  const int64_t allowed = allowed_new_tokens(options, tokens, max_new_tokens);
  if (options.beams > 1) {
    return std::make_unique<BeamSearch>(options, isa, vocabulary, prompt, allowed, rule);
  }
  return std::make_unique<TokenSearch>(options, isa, vocabulary, prompt, allowed, sequence, rule);
}

}  // namespace lanewise::generate
