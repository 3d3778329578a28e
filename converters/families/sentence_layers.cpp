#include "converters/families/sentence_layers.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/families/config_limits.hpp"
#include "converters/families/module_weights.hpp"
#include "converters/files.hpp"
#include "ops/activation/activation_kind.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;
using graph::ValueId;

// torch.nn.functional.normalize, which the module Normalize calls, and torch.nn.LayerNorm.
constexpr double kNormalizeEps = 1e-12;
constexpr double kLayerNormEps = 1e-5;

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

Status expect_width(const Config& config, const std::string& field, int64_t features) {
  LW_ASSIGN_OR_RETURN(const int64_t found, config.integer(field, features, 1, INT32_MAX));
  return found == features ? Status()
                           : config.wrong(field, "the " + std::to_string(features) +
                                                     " features of the preceding module");
}

Result<bool> SentenceLayerReader::read(const SentenceModule& module,
                                       std::vector<SentenceLayer>& layers) {
  const auto add = [&](Result<SentenceLayer> layer) -> Result<bool> {
    if (!layer.ok()) return layer.status();
    layers.push_back(*std::move(layer));
    return true;
  };
  if (module.type == "Dense") return add(dense(module));
  if (module.type == "LayerNorm") return add(layer_norm(module));
  if (module.type == "Normalize") return add(normalize(module));
  return module.type == "Dropout";  // used only in training
}

Result<Config> SentenceLayerReader::config_of(const SentenceModule& module) const {
  return input_.folder.config(join(module.path, "config.json"));
}

/// Modules read and write the vectors unless configured otherwise.
Status SentenceLayerReader::check_names(const Config& config) const {
  for (const char* field : {"module_input_name", "module_output_name"}) {
    LW_ASSIGN_OR_RETURN(const std::string name, config.text(field, vectors_));
    if (name == vectors_) continue;
    return unsupported(config.label() + ": " + field + " " + in_quotes(name) +
                       " is not supported; known: " + vectors_);
  }
  return {};
}

Result<SentenceLayer> SentenceLayerReader::dense(const SentenceModule& module) {
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
  LW_ASSIGN_OR_RETURN(layer.tensors.weight, weights.part("linear.weight", shape, parts_));
  if (bias) {
    LW_ASSIGN_OR_RETURN(layer.tensors.bias, weights.part("linear.bias", {layer.features}, parts_));
  }
  if (layer.residual && layer.features != features_) {
    LW_ASSIGN_OR_RETURN(layer.residual_weight, weights.part("residual.weight", shape, parts_));
  }
  LW_RETURN_IF_ERROR(weights.check_all_used());
  features_ = layer.features;
  return layer;
}

Result<SentenceLayer> SentenceLayerReader::layer_norm(const SentenceModule& module) {
  LW_ASSIGN_OR_RETURN(const Config config, config_of(module));
  LW_RETURN_IF_ERROR(expect_width(config, "dimension", features_));
  LW_ASSIGN_OR_RETURN(ModuleWeights weights, ModuleWeights::open(input_, module.path));
  SentenceLayer layer;
  layer.kind = SentenceLayer::Kind::kLayerNorm;
  LW_ASSIGN_OR_RETURN(layer.tensors.weight, weights.part("norm.weight", {features_}, parts_));
  LW_ASSIGN_OR_RETURN(layer.tensors.bias, weights.part("norm.bias", {features_}, parts_));
  LW_RETURN_IF_ERROR(weights.check_all_used());
  return layer;
}

Result<SentenceLayer> SentenceLayerReader::normalize(const SentenceModule& module) {
  // Earlier versions wrote no config. A module without a folder has none either.
  const std::string name = join(module.path, "config.json");
  if (!module.path.empty() && input_.folder.has(name)) {
    LW_ASSIGN_OR_RETURN(const Config config, input_.folder.config(name));
    LW_RETURN_IF_ERROR(check_names(config));
  }
  return SentenceLayer();
}

ValueId append_sentence_layers(graph::Builder& builder, const std::string& prefix, ValueId x,
                               const std::vector<SentenceLayer>& layers) {
  std::array<int, 3> counts = {};
  const auto name_of = [&](const SentenceLayer& layer, const std::string& kind) {
    const int before = counts[static_cast<size_t>(layer.kind)]++;
    return prefix + "." + kind + (before == 0 ? "" : "." + std::to_string(before));
  };
  for (const SentenceLayer& layer : layers) {
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
  return x;
}

}  // namespace lanewise::converters
