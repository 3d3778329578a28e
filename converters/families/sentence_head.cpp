#include "converters/families/sentence_head.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/families/config_limits.hpp"
#include "converters/families/sentence_transformers.hpp"
#include "converters/families/token_head.hpp"
#include "converters/files.hpp"
#include "runtime/tasks/task_names.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;
using graph::ValueId;

constexpr size_t kMostModes = 64;

struct PoolingMode {
  std::string_view name;        // of sentence-transformers 6
  std::string_view its_switch;  // a separate field in earlier versions
  std::string_view pool;        // kind of the operator
};

// The order in which earlier versions concatenate several.
constexpr std::array kPoolingModes = std::to_array<PoolingMode>(
    {{"cls", "pooling_mode_cls_token", "first"},
     {"max", "pooling_mode_max_tokens", "max"},
     {"mean", "pooling_mode_mean_tokens", "mean"},
     {"mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens", "sqrt_mean"},
     {"weightedmean", "pooling_mode_weightedmean_tokens", "weighted_mean"},
     {"lasttoken", "pooling_mode_lasttoken", "last"}});

Result<std::string> pool_of(const Config& config, const std::string& mode) {
  std::string known;
  for (const PoolingMode& candidate : kPoolingModes) {
    if (candidate.name == mode) return std::string(candidate.pool);
    known.append(known.empty() ? "" : ", ").append(candidate.name);
  }
  return unsupported(config.label() + ": pooling_mode " + in_quotes(mode) +
                     " is not supported; known: " + known);
}

/// `"pooling_mode": "cls"`, or an ordered list.
Result<std::vector<std::string>> named_modes(const Config& config) {
  const std::string field = "pooling_mode";
  std::vector<std::string> modes;
  if (const Result<std::string> one = config.text(field, ""); one.ok()) {
    modes.push_back(*one);
  } else if (Result<std::vector<std::string>> several = config.texts(field); several.ok()) {
    modes = *std::move(several);
  }
  if (modes.empty() || modes.size() > kMostModes) {
    return config.wrong(field, "a mode or a list of modes");
  }
  std::vector<std::string> pools;
  for (const std::string& mode : modes) {
    LW_ASSIGN_OR_RETURN(pools.emplace_back(), pool_of(config, mode));
  }
  return pools;
}

/// One field per mode. If none is set, sentence-transformers uses the mean.
Result<std::vector<std::string>> switched_modes(const Config& config) {
  std::vector<std::string> pools;
  for (const PoolingMode& mode : kPoolingModes) {
    LW_ASSIGN_OR_RETURN(const bool on, config.boolean(std::string(mode.its_switch), false));
    if (on) pools.emplace_back(mode.pool);
  }
  if (pools.empty()) pools.emplace_back("mean");
  return pools;
}

/// An unknown field could mean another way of pooling.
Status check_pooling_fields(const Config& config) {
  constexpr std::array kOthers = std::to_array<std::string_view>(
      {"embedding_dimension", "include_prompt", "pooling_mode", "word_embedding_dimension"});
  for (const std::string& name : config.fields()) {
    if (std::ranges::find(kOthers, name) != kOthers.end()) continue;
    if (std::ranges::find(kPoolingModes, name, &PoolingMode::its_switch) != kPoolingModes.end()) {
      continue;
    }
    return unsupported(config.label() + ": " + in_quotes(name) + " is not supported");
  }
  return {};
}

Status read_pooling(const Config& config, int64_t features, SentenceHead& head) {
  LW_RETURN_IF_ERROR(check_pooling_fields(config));
  LW_RETURN_IF_ERROR(expect_width(config, "embedding_dimension", features));
  LW_RETURN_IF_ERROR(expect_width(config, "word_embedding_dimension", features));
  LW_ASSIGN_OR_RETURN(head.include_prompt, config.boolean("include_prompt", true));
  LW_ASSIGN_OR_RETURN(head.pools,
                      config.has("pooling_mode") ? named_modes(config) : switched_modes(config));
  return {};
}

/// Reads the modules after the Transformer, in order.
class HeadReader {
 public:
  HeadReader(const FamilyInput& input, int64_t features, size_t states)
      : input_(input),
        states_(states),
        token_layers_(input, "token_embeddings", features, head_.parts),
        layers_(input, "sentence_embedding", features, head_.parts) {}

  Status read(const SentenceModule& module) {
    const bool is_pooled = !head_.pools.empty();
    if (module.type == "Pooling" && !is_pooled) return pooling(module);
    if (module.type == "WeightedLayerPooling" && !is_pooled && head_.token_layers.empty()) {
      LW_ASSIGN_OR_RETURN(head_.states, read_weighted_layers(input_, module, layers_.features(),
                                                             states_, head_.parts));
      return {};
    }
    LW_ASSIGN_OR_RETURN(const bool known,
                        is_pooled ? layers_.read(module, head_.layers) : read_of_tokens(module));
    if (known) return {};
    return unsupported(in_quotes(input_.folder.path(kModulesFile)) + ": module " +
                       in_quotes(module.type) +
                       " is not supported here; known: Transformer, then WeightedLayerPooling if "
                       "wanted, then Pooling; before and after that any of Dense, Dropout, "
                       "LayerNorm, Normalize");
  }

  SentenceHead take() && { return std::move(head_); }

 private:
  Result<Config> config_of(const SentenceModule& module) {
    return input_.folder.config(join(module.path, "config.json"));
  }

  /// A module before the pooling must name the vectors of tokens: by default it is for the vector
  /// of the text, which is not there yet.
  Result<bool> read_of_tokens(const SentenceModule& module) {
    if (module.path.empty() || !input_.folder.has(join(module.path, "config.json"))) return false;
    LW_ASSIGN_OR_RETURN(const Config config, config_of(module));
    if (!config.has("module_input_name")) return false;
    return token_layers_.read(module, head_.token_layers);
  }

  Status pooling(const SentenceModule& module) {
    LW_ASSIGN_OR_RETURN(const Config config, config_of(module));
    const int64_t features = token_layers_.features();
    LW_RETURN_IF_ERROR(read_pooling(config, features, head_));
    layers_.set_features(features * static_cast<int64_t>(head_.pools.size()));
    return {};
  }

  const FamilyInput& input_;
  size_t states_;
  SentenceHead head_;
  // After head_, to whose parts they add.
  SentenceLayerReader token_layers_;
  SentenceLayerReader layers_;
};

ValueId append_pooling(graph::Builder& builder, ValueId tokens,
                       const std::vector<std::string>& pools) {
  const std::string name = "sentence.pool";
  if (pools.size() == 1) return builder.pool(name, tokens, pools.front());
  std::vector<ValueId> parts;
  parts.reserve(pools.size());
  for (const std::string& pool : pools) {
    parts.push_back(builder.pool(name + "." + std::to_string(parts.size()), tokens, pool));
  }
  return builder.concat_features(name, parts);
}

ValueId pooled_vectors(graph::Builder& builder, const EncoderVectors& vectors,
                       const WeightedLayers& states) {
  if (states.weights.empty()) return vectors.tokens;
  const auto first = vectors.states.begin() + static_cast<ptrdiff_t>(states.first);
  return builder.weighted_sum("sentence.states", {first, vectors.states.end()}, states.weights);
}

/// FlagEmbedding's, for a folder without modules.json.
SentenceHead first_normalized() {
  SentenceHead head;
  head.pools.emplace_back("first");
  head.layers.emplace_back();
  return head;
}

}  // namespace

Result<SentenceHead> read_sentence_head(const FamilyInput& input, int64_t features, size_t states) {
  LW_RETURN_IF_ERROR(expect_features(input));
  if (!is_sentence_folder(input.folder) && has_token_linears(input)) return first_normalized();
  if (!is_sentence_folder(input.folder)) {
    input.report("no modules.json: sentence embeddings are the mean of the token vectors");
    SentenceHead head;
    head.pools.emplace_back("mean");
    return head;
  }
  LW_ASSIGN_OR_RETURN(const std::vector<SentenceModule> modules, read_modules(input.folder));
  HeadReader reader(input, features, states);
  for (const SentenceModule& module : modules) {
    if (&module == &modules.front()) continue;  // the Transformer
    LW_RETURN_IF_ERROR(reader.read(module));
  }
  return std::move(reader).take();
}

Status describe_encoder(const FamilyInput& input, const SentenceHead& head, FamilyModel& model) {
  LW_ASSIGN_OR_RETURN(const SentenceTexts texts, read_sentence_texts(input, model.info.max_tokens));
  model.info.task = head.pools.empty() ? "encoder" : "embedding";
  model.info.max_text_tokens = texts.max_tokens;
  model.info.pools_prompt = head.include_prompt;
  model.lowercase_texts = texts.lowercase;
  model.parts.insert(head.parts.begin(), head.parts.end());
  return read_prompts(input, TransformerTask::kFeatures, model.info);
}

void append_sentence_head(graph::Builder& builder, const EncoderVectors& vectors,
                          const SentenceHead& head) {
  if (head.pools.empty()) return;
  ValueId tokens = pooled_vectors(builder, vectors, head.states);
  if (!head.token_layers.empty()) {
    tokens = append_sentence_layers(builder, "sentence.tokens", tokens, head.token_layers);
    builder.output(std::string(tasks::kTokenEmbeddings), tokens);
  }
  ValueId x = append_pooling(builder, tokens, head.pools);
  x = append_sentence_layers(builder, "sentence", x, head.layers);
  builder.output("sentence_embedding", x);
}

}  // namespace lanewise::converters
