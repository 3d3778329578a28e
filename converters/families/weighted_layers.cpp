#include "converters/families/weighted_layers.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/families/encoder_config.hpp"
#include "converters/families/module_weights.hpp"
#include "converters/families/sentence_layers.hpp"
#include "converters/files.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

constexpr const char* kStatesField = "output_hidden_states";

Result<bool> returns_states(const FamilyInput& input) {
  LW_ASSIGN_OR_RETURN(bool returns, input.config.boolean(kStatesField, false));
  LW_ASSIGN_OR_RETURN(const std::optional<Config> texts, read_text_config(input));
  if (!texts) return returns;
  for (const char* field : {"config_args", "config_kwargs", "model_args", "model_kwargs"}) {
    LW_ASSIGN_OR_RETURN(const Config arguments, texts->object(field));
    LW_ASSIGN_OR_RETURN(returns, arguments.boolean(kStatesField, returns));
  }
  return returns;
}

/// `layer_weights`, divided by their sum.
Result<std::vector<float>> read_shares(ModuleWeights& weights, int64_t count) {
  LW_ASSIGN_OR_RETURN(std::vector<float> shares, weights.values("layer_weights", {count}));
  LW_RETURN_IF_ERROR(weights.check_all_used());
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  if (sum == 0) return invalid_argument("tensor 'layer_weights': the sum of the weights is 0");
  for (float& share : shares) share = static_cast<float>(share / sum);
  return shares;
}

}  // namespace

Result<WeightedLayers> read_weighted_layers(const FamilyInput& input, const SentenceModule& module,
                                            int64_t features, size_t states, TensorParts& parts) {
  constexpr std::array kFields = std::to_array<std::string_view>(
      {"embedding_dimension", "layer_start", "num_hidden_layers", "word_embedding_dimension"});
  LW_ASSIGN_OR_RETURN(const Config config, input.folder.config(join(module.path, "config.json")));
  for (const std::string& name : config.fields()) {
    if (std::ranges::find(kFields, name) != kFields.end()) continue;
    return unsupported(config.label() + ": " + in_quotes(name) + " is not supported");
  }
  LW_RETURN_IF_ERROR(expect_width(config, "embedding_dimension", features));
  LW_RETURN_IF_ERROR(expect_width(config, "word_embedding_dimension", features));
  LW_ASSIGN_OR_RETURN(const bool returns, returns_states(input));
  if (!returns) {
    input.report("module " + in_quotes(module.type) +
                 " has no effect, as in sentence-transformers: " + in_quotes(kStatesField) +
                 " is not true");
    return WeightedLayers();
  }
  if (states == 0) {
    return unsupported("module " + in_quotes(module.type) + " is not supported for " +
                       std::string(input.family->name));
  }
  const auto last = static_cast<int64_t>(states) - 1;
  LW_ASSIGN_OR_RETURN(const int64_t layers,
                      config.integer("num_hidden_layers", 12, 1, kMaxEncoderLayers));
  if (layers != last) {
    return config.wrong("num_hidden_layers", "the model's " + std::to_string(last));
  }
  LW_ASSIGN_OR_RETURN(const int64_t first, config.integer("layer_start", 4, 0, last));
  LW_ASSIGN_OR_RETURN(ModuleWeights weights, ModuleWeights::open(input, module.path));
  const int64_t count = layers + 1 - first;
  Result<std::vector<float>> shares = read_shares(weights, count);
  if (!shares.ok()) return shares.status().with_context(in_quotes(module.path));
  return WeightedLayers{weights.add_part("layer_weights", {count}, *std::move(shares), parts),
                        static_cast<size_t>(first)};
}

}  // namespace lanewise::converters
