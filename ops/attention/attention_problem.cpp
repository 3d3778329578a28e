#include "ops/attention/attention_problem.hpp"

#include <algorithm>
#include <cmath>

#include "base/status_macros.hpp"
#include "ops/attention/attention_kernels.hpp"

namespace lanewise::ops {
namespace {

// Larger than any model; keeps products of two in range.
constexpr int64_t kMostHeads = 1 << 20;
constexpr int64_t kMostHeadDim = 1 << 20;
constexpr int64_t kMostPositions = INT32_MAX / 4;

Status expect_between(std::string_view name, int64_t value, int64_t least, int64_t most) {
  if (value >= least && value <= most) return {};
  return invalid_argument("attribute '" + std::string(name) + "': expected " +
                          std::to_string(least) + " to " + std::to_string(most) + ", found " +
                          std::to_string(value));
}

Status expect_features(std::string_view name, const OperandSpec& operand, int64_t features) {
  if (operand.features == features) return {};
  return invalid_argument(std::string(name) + ": expected " + std::to_string(features) +
                          " features, found " + std::to_string(operand.features));
}

Status check_head_counts(const Attributes& attributes, AttentionProblem& problem) {
  LW_ASSIGN_OR_RETURN(problem.heads, attributes.get_int("heads", 0));
  LW_RETURN_IF_ERROR(expect_between("heads", problem.heads, 1, kMostHeads));
  LW_ASSIGN_OR_RETURN(problem.kv_heads, attributes.get_int("kv_heads", problem.heads));
  LW_RETURN_IF_ERROR(expect_between("kv_heads", problem.kv_heads, 1, problem.heads));
  if (problem.heads % problem.kv_heads != 0) {
    return invalid_argument(
        "attribute 'kv_heads': expected a divisor of heads = " + std::to_string(problem.heads) +
        ", found " + std::to_string(problem.kv_heads));
  }
  LW_ASSIGN_OR_RETURN(problem.head_dim, attributes.get_int("head_dim", 0));
  return expect_between("head_dim", problem.head_dim, 1, kMostHeadDim);
}

Status check_scores(const OperatorConfig& config, AttentionProblem& problem) {
  const Attributes& attributes = config.attributes;
  const double usual = 1.0 / std::sqrt(static_cast<double>(problem.head_dim));
  LW_ASSIGN_OR_RETURN(const double scale, attributes.get_double("scale", usual));
  if (!std::isfinite(scale)) return invalid_argument("attribute 'scale': expected a finite number");
  problem.scale = static_cast<float>(scale);
  LW_ASSIGN_OR_RETURN(const double cap, attributes.get_double("soft_cap", 0));
  problem.soft_cap = static_cast<float>(cap);
  if (!(cap >= 0) || !std::isfinite(problem.soft_cap)) {
    return invalid_argument("attribute 'soft_cap': expected a number >= 0, found " +
                            std::to_string(cap));
  }
  LW_ASSIGN_OR_RETURN(problem.causal, attributes.get_bool("causal", false));
  LW_ASSIGN_OR_RETURN(problem.allow_bf16, attributes.get_bool("allow_bf16", false));
  LW_ASSIGN_OR_RETURN(problem.window, attributes.get_int("window", 0));
  return expect_between("window", problem.window, 0, INT32_MAX);
}

Status check_features(const OperatorConfig& config, const AttentionProblem& problem) {
  const int64_t q = problem.heads * problem.head_dim;
  const int64_t kv = problem.kv_heads * problem.head_dim;
  LW_RETURN_IF_ERROR(config.expect_f32_inputs(1, 3));
  LW_RETURN_IF_ERROR(expect_features("output", config.output, q));
  if (config.inputs.size() == 1) return expect_features("q | k | v", config.inputs[0], q + 2 * kv);
  LW_RETURN_IF_ERROR(expect_features("q", config.inputs[0], q));
  if (config.inputs.size() == 2) return expect_features("k | v", config.inputs[1], 2 * kv);
  LW_RETURN_IF_ERROR(expect_features("k", config.inputs[1], kv));
  return expect_features("v", config.inputs[2], kv);
}

/// The shape of the bias if it is f32 and of that rank.
Result<Shape> bias_shape(const OperatorConfig& config, size_t rank, std::string_view expected) {
  const auto it = config.weights.find("bias");
  if (it == config.weights.end()) return invalid_argument("weight 'bias' is missing");
  const Shape& shape = it->second.shape;
  const bool positive = std::all_of(shape.begin(), shape.end(), [](int64_t n) { return n > 0; });
  if (it->second.type != DataType::kF32 || shape.size() != rank || !positive) {
    return invalid_argument("weight 'bias': expected " + std::string(expected) + " F32, found " +
                            to_string(shape) + " " + std::string(name_of(it->second.type)));
  }
  return shape;
}

Status bind_relative(const OperatorConfig& config, const AttentionProblem& problem,
                     BiasTable& bias) {
  constexpr std::string_view kExpected = "[heads, 2 * R + 1]";
  LW_ASSIGN_OR_RETURN(const Shape shape, bias_shape(config, 2, kExpected));
  if (shape[1] % 2 == 0 || shape[1] > kMostPositions) {
    return invalid_argument("weight 'bias': expected " + std::string(kExpected) + ", found " +
                            to_string(shape));
  }
  LW_ASSIGN_OR_RETURN(const void* data,
                      config.weight("bias", DataType::kF32, {problem.heads, shape[1]}));
  const auto* weight = static_cast<const float*>(data);
  constexpr auto kBlock = static_cast<int64_t>(kKeyBlock);
  const int64_t reach = shape[1] / 2;
  bias.first = static_cast<int32_t>(-reach - kBlock);
  bias.last = static_cast<int32_t>(reach);
  bias.head_step = shape[1] + 2 * kBlock;
  bias.relative.resize(static_cast<size_t>(problem.heads * bias.head_step));
  for (int64_t h = 0; h < problem.heads; ++h) {
    for (int64_t i = 0; i < bias.head_step; ++i) {
      const int64_t from = std::clamp<int64_t>(i - kBlock, 0, shape[1] - 1);
      bias.relative[static_cast<size_t>(h * bias.head_step + i)] = weight[h * shape[1] + from];
    }
  }
  return {};
}

Status bind_dense(const OperatorConfig& config, const AttentionProblem& problem, BiasTable& bias) {
  constexpr std::string_view kExpected = "[heads or 1, max_queries, max_keys]";
  LW_ASSIGN_OR_RETURN(const Shape shape, bias_shape(config, 3, kExpected));
  const int64_t heads = shape[0] == 1 ? 1 : problem.heads;
  LW_ASSIGN_OR_RETURN(const void* data,
                      config.weight("bias", DataType::kF32, {heads, shape[1], shape[2]}));
  bias.dense = static_cast<const float*>(data);
  bias.max_queries = std::min(shape[1], kMostPositions);
  bias.max_keys = std::min(shape[2], kMostPositions);
  if (bias.max_queries != shape[1] || bias.max_keys != shape[2]) {
    return invalid_argument("weight 'bias': " + to_string(shape) + " is too large");
  }
  bias.head_step = shape[0] == 1 ? 0 : shape[1] * shape[2];
  bias.last = INT32_MAX;
  return {};
}

Status bind_bias(const OperatorConfig& config, AttentionProblem& problem) {
  LW_ASSIGN_OR_RETURN(const std::string kind, config.attributes.get_string("bias_kind", "none"));
  if (kind == "none") return config.expect_only_weights({});
  LW_RETURN_IF_ERROR(config.expect_only_weights({"bias"}));
  if (kind == "relative") {
    problem.bias.kind = BiasKind::kRelative;
    return bind_relative(config, problem, problem.bias);
  }
  if (kind == "dense") {
    problem.bias.kind = BiasKind::kDense;
    return bind_dense(config, problem, problem.bias);
  }
  return invalid_argument("attribute 'bias_kind': expected none, relative or dense, found '" +
                          kind + "'");
}

}  // namespace

BiasRow BiasTable::row(int64_t head, int64_t position) const noexcept {
  switch (kind) {
    case BiasKind::kNone:
      return {};
    case BiasKind::kRelative:
      // Entry 0 of the table is for key - position = first.
      return {relative.data() + head * head_step - first, static_cast<int32_t>(-position)};
    case BiasKind::kDense: {
      const int64_t row = std::clamp<int64_t>(position, 0, max_queries - 1);
      return {dense + head * head_step + row * max_keys, 0};
    }
  }
  return {};
}

Seen AttentionProblem::seen_by(const Lengths& lengths, int64_t query) const noexcept {
  const int64_t p = position(lengths, query);
  int64_t begin = 0;
  int64_t end = lengths.keys;
  if (causal) end = std::min(end, p + 1);
  if (window > 0) begin = std::max(begin, p - window + 1);
  if (window > 0 && !causal) end = std::min(end, p + window);
  if (bias.kind == BiasKind::kDense) {
    end = p >= 0 && p < bias.max_queries ? std::min(end, bias.max_keys) : 0;
  }
  if (begin >= end) return {};
  return {static_cast<int32_t>(begin), static_cast<int32_t>(end)};
}

Result<AttentionProblem> check_heads(const Attributes& attributes) {
  AttentionProblem problem;
  LW_RETURN_IF_ERROR(check_head_counts(attributes, problem));
  return problem;
}

Result<AttentionProblem> check_attention(const OperatorConfig& config) {
  LW_RETURN_IF_ERROR(
      config.attributes.expect_only({"heads", "kv_heads", "head_dim", "scale", "causal", "window",
                                     "soft_cap", "bias_kind", "allow_bf16"}));
  AttentionProblem problem;
  LW_RETURN_IF_ERROR(check_head_counts(config.attributes, problem));
  LW_RETURN_IF_ERROR(check_scores(config, problem));
  LW_RETURN_IF_ERROR(check_features(config, problem));
  LW_RETURN_IF_ERROR(bind_bias(config, problem));
  return problem;
}

}  // namespace lanewise::ops
