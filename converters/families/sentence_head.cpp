#include "converters/families/sentence_head.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/families/config_limits.hpp"
#include "converters/families/sentence_transformers.hpp"
#include "converters/files.hpp"
#include "converters/formats/elements.hpp"
#include "ops/activation/activation_kind.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;
using graph::ValueId;

// torch.nn.functional.normalize, which the module Normalize calls, and torch.nn.LayerNorm.
constexpr double kNormalizeEps = 1e-12;
constexpr double kLayerNormEps = 1e-5;
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

Status expect_width(const Config& config, const std::string& field, int64_t features) {
  LW_ASSIGN_OR_RETURN(const int64_t found, config.integer(field, features, 1, INT32_MAX));
  return found == features ? Status()
                           : config.wrong(field, "the " + std::to_string(features) +
                                                     " features of the preceding module");
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

/// The weights of one module, which have their own names in a graph.
class ModuleWeights {
 public:
  static Result<ModuleWeights> open(const FamilyInput& input, const std::string& path) {
    LW_ASSIGN_OR_RETURN(std::unique_ptr<Checkpoint> checkpoint,
                        open_checkpoint_folder(input.folder.path(path)));
    for (const std::string& used : checkpoint->files()) input.folder.used(used);
    return ModuleWeights(std::move(checkpoint), path);
  }

  /// Returns the name of a new part with the tensor's values. Reads it now, because packing a graph
  /// takes the values of a part and cannot handle an error.
  Result<std::string> part(const std::string& name, const Shape& shape, TensorParts& parts) {
    const CheckpointTensor* tensor = checkpoint_->find(name);
    const std::string label = in_quotes(path_) + ": tensor " + in_quotes(name);
    if (tensor == nullptr) return not_found(label + " is missing");
    if (tensor->shape != shape) {
      return invalid_argument(label + ": expected " + to_string(shape) + ", file has " +
                              to_string(tensor->shape));
    }
    LW_ASSIGN_OR_RETURN(const F32Tensor read, read_f32(*checkpoint_, *tensor));
    const auto values =
        std::make_shared<std::vector<float>>(read.values.begin(), read.values.end());
    ++used_;
    // No tensor of the Transformer has such a name.
    std::string made = "/" + path_ + "/" + name;
    parts[made] = {.tensor = {},
                   .shape = shape,
                   .compute = [values](std::span<const float>, std::span<float> part) {
                     std::ranges::copy(*values, part.begin());
                   }};
    return made;
  }

  /// Like strict loading in PyTorch.
  Status check_all_used() const {
    if (used_ == checkpoint_->tensors().size()) return {};
    return invalid_argument(in_quotes(path_) + " has tensors that its module does not know");
  }

 private:
  ModuleWeights(std::unique_ptr<Checkpoint> checkpoint, std::string path)
      : checkpoint_(std::move(checkpoint)), path_(std::move(path)) {}

  std::unique_ptr<Checkpoint> checkpoint_;
  std::string path_;
  size_t used_ = 0;
};

/// The operator for a class of torch.nn with default arguments; empty for Identity.
Result<std::string> activation_of_class(const Config& config) {
  static constexpr std::pair<std::string_view, std::string_view> kClasses[] = {
      {"Identity", "none"},
      {"GELU", "gelu"},
      {"Hardswish", "hard_swish"},
      {"LeakyReLU", "leaky_relu"},
      {"Mish", "mish"},
      {"ReLU", "relu"},
      {"ReLU6", "relu6"},
      {"SiLU", "silu"},
      {"Sigmoid", "sigmoid"},
      {"Tanh", "tanh"}};
  const std::string field = "activation_function";
  LW_ASSIGN_OR_RETURN(const std::string path, config.text(field, "torch.nn.Tanh"));
  const std::string name = path.starts_with("torch.nn.") ? path.substr(path.rfind('.') + 1) : "";
  std::string known;
  for (const auto& [its_name, kind] : kClasses) {
    if (!ops::parse_activation(kind).ok()) continue;
    if (its_name == name) return kind == "none" ? std::string() : std::string(kind);
    known.append(known.empty() ? "torch.nn." : ", torch.nn.").append(its_name);
  }
  return unsupported(config.label() + ": " + field + " " + in_quotes(path) +
                     " is not supported; known: " + known);
}

/// Modules read and write `sentence_embedding` unless configured otherwise.
Status check_names(const Config& config) {
  for (const char* field : {"module_input_name", "module_output_name"}) {
    LW_ASSIGN_OR_RETURN(const std::string name, config.text(field, "sentence_embedding"));
    if (name == "sentence_embedding") continue;
    return unsupported(config.label() + ": " + field + " " + in_quotes(name) +
                       " is not supported; known: sentence_embedding");
  }
  return {};
}

/// Reads the modules after the Transformer, in order.
class HeadReader {
 public:
  HeadReader(const FamilyInput& input, int64_t features) : input_(input), features_(features) {}

  Status read(const SentenceModule& module) {
    if (module.type == "Pooling" && head_.pools.empty()) return pooling(module);
    if (!head_.pools.empty()) {
      if (module.type == "Dense") return dense(module);
      if (module.type == "LayerNorm") return layer_norm(module);
      if (module.type == "Normalize") return normalize(module);
      if (module.type == "Dropout") return {};  // used only in training
    }
    return unsupported(in_quotes(input_.folder.path(kModulesFile)) + ": module " +
                       in_quotes(module.type) +
                       " is not supported here; known: Transformer, then Pooling, then any of "
                       "Dense, Dropout, LayerNorm, Normalize");
  }

  SentenceHead take() && { return std::move(head_); }

 private:
  Result<Config> config_of(const SentenceModule& module) {
    return input_.folder.config(join(module.path, "config.json"));
  }

  Status pooling(const SentenceModule& module) {
    LW_ASSIGN_OR_RETURN(const Config config, config_of(module));
    LW_RETURN_IF_ERROR(read_pooling(config, features_, head_));
    features_ *= static_cast<int64_t>(head_.pools.size());
    return {};
  }

  Status dense(const SentenceModule& module) {
    constexpr std::array kFields = std::to_array<std::string_view>(
        {"activation_function", "bias", "in_features", "module_input_name", "module_output_name",
         "out_features", "use_residual"});
    LW_ASSIGN_OR_RETURN(const Config config, config_of(module));
    LW_RETURN_IF_ERROR(check_names(config));
    config.report_unknown(
        [&](std::string_view name) { return std::ranges::find(kFields, name) != kFields.end(); },
        input_.report);
    LW_RETURN_IF_ERROR(expect_width(config, "in_features", features_));
    SentenceLayer layer;
    layer.kind = SentenceLayer::Kind::kDense;
    LW_ASSIGN_OR_RETURN(layer.features, config.integer("out_features", 0, 1, kMaxFeatures));
    if (layer.features == 0) return config.wrong("out_features", "a value");
    LW_ASSIGN_OR_RETURN(const bool bias, config.boolean("bias", true));
    LW_ASSIGN_OR_RETURN(layer.residual, config.boolean("use_residual", false));
    LW_ASSIGN_OR_RETURN(layer.activation, activation_of_class(config));
    LW_ASSIGN_OR_RETURN(ModuleWeights weights, ModuleWeights::open(input_, module.path));
    const Shape shape = {layer.features, features_};
    LW_ASSIGN_OR_RETURN(layer.tensors.weight, weights.part("linear.weight", shape, head_.parts));
    if (bias) {
      LW_ASSIGN_OR_RETURN(layer.tensors.bias,
                          weights.part("linear.bias", {layer.features}, head_.parts));
    }
    if (layer.residual && layer.features != features_) {
      LW_ASSIGN_OR_RETURN(layer.residual_weight,
                          weights.part("residual.weight", shape, head_.parts));
    }
    features_ = layer.features;
    head_.layers.push_back(std::move(layer));
    return weights.check_all_used();
  }

  Status layer_norm(const SentenceModule& module) {
    LW_ASSIGN_OR_RETURN(const Config config, config_of(module));
    LW_RETURN_IF_ERROR(expect_width(config, "dimension", features_));
    LW_ASSIGN_OR_RETURN(ModuleWeights weights, ModuleWeights::open(input_, module.path));
    SentenceLayer layer;
    layer.kind = SentenceLayer::Kind::kLayerNorm;
    LW_ASSIGN_OR_RETURN(layer.tensors.weight,
                        weights.part("norm.weight", {features_}, head_.parts));
    LW_ASSIGN_OR_RETURN(layer.tensors.bias, weights.part("norm.bias", {features_}, head_.parts));
    head_.layers.push_back(std::move(layer));
    return weights.check_all_used();
  }

  Status normalize(const SentenceModule& module) {
    // Earlier versions wrote no config. A module without a folder has none either.
    const std::string name = join(module.path, "config.json");
    if (!module.path.empty() && input_.folder.has(name)) {
      LW_ASSIGN_OR_RETURN(const Config config, input_.folder.config(name));
      LW_RETURN_IF_ERROR(check_names(config));
    }
    head_.layers.emplace_back();
    return {};
  }

  const FamilyInput& input_;
  int64_t features_;
  SentenceHead head_;
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

ValueId append_dense(graph::Builder& builder, const std::string& name, ValueId x,
                     const SentenceLayer& layer) {
  ValueId y = builder.linear(name, x, layer.features, layer.tensors);
  if (!layer.activation.empty()) y = builder.activation(name + ".activation", y, layer.activation);
  if (!layer.residual) return y;
  if (!layer.residual_weight.empty()) {
    x = builder.linear(name + ".residual", x, layer.features, {layer.residual_weight, ""});
  }
  return builder.add(name + ".add", y, x);
}

}  // namespace

Result<SentenceHead> read_sentence_head(const FamilyInput& input, int64_t features) {
  LW_RETURN_IF_ERROR(expect_features(input));
  if (!is_sentence_folder(input.folder)) {
    input.report("no modules.json: sentence embeddings are the mean of the token vectors");
    SentenceHead head;
    head.pools.emplace_back("mean");
    return head;
  }
  LW_ASSIGN_OR_RETURN(const std::vector<SentenceModule> modules, read_modules(input.folder));
  HeadReader reader(input, features);
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

void append_sentence_head(graph::Builder& builder, ValueId tokens, const SentenceHead& head) {
  if (head.pools.empty()) return;
  ValueId x = append_pooling(builder, tokens, head.pools);
  std::array<int, 3> counts = {};
  const auto name_of = [&](const SentenceLayer& layer, const std::string& kind) {
    const int before = counts[static_cast<size_t>(layer.kind)]++;
    return "sentence." + kind + (before == 0 ? "" : "." + std::to_string(before));
  };
  for (const SentenceLayer& layer : head.layers) {
    switch (layer.kind) {
      case SentenceLayer::Kind::kDense:
        x = append_dense(builder, name_of(layer, "dense"), x, layer);
        break;
      case SentenceLayer::Kind::kLayerNorm:
        x = builder.layer_norm(name_of(layer, "norm"), x, layer.tensors, kLayerNormEps);
        break;
      case SentenceLayer::Kind::kNormalize:
        x = builder.l2_normalize(name_of(layer, "normalize"), x, kNormalizeEps);
        break;
    }
  }
  builder.output("sentence_embedding", x);
}

}  // namespace lanewise::converters
