#include "ops/linear/linear.hpp"

#include "base/status_macros.hpp"
#include "ops/description.hpp"
#include "ops/linear/linear_list.hpp"
#include "ops/row_operator.hpp"

namespace lanewise::ops {
namespace {

// In order of preference.
constexpr LinearImplementation kImplementations[] = {
    {"onednn", offer_onednn_linear},
    {"lanewise", offer_lanewise_linear},
};

Result<NormKind> parse_norm(const std::string& name) {
  if (name == "layer_norm") return NormKind::kLayerNorm;
  if (name == "rms_norm") return NormKind::kRmsNorm;
  return invalid_argument("attribute 'norm': expected layer_norm or rms_norm, found '" + name +
                          "'");
}

/// Removes the norm from `config`, leaving the configuration of a plain linear layer.
Result<Norm> take_norm(OperatorConfig& config) {
  if (!config.attributes.has("norm")) return Norm{};
  LW_RETURN_IF_ERROR(config.expect_f32_inputs(1, 2));
  const Shape shape{config.inputs[0].features};
  LW_ASSIGN_OR_RETURN(const std::string name, config.attributes.get_string("norm", ""));
  Norm norm;
  LW_ASSIGN_OR_RETURN(norm.kind, parse_norm(name));
  const bool centers = norm.kind == NormKind::kLayerNorm;
  LW_ASSIGN_OR_RETURN(norm.eps,
                      eps_attribute(config, centers ? kLayerNormEps : kRmsNormEps, "norm_eps"));
  LW_ASSIGN_OR_RETURN(const void* weight, config.weight("norm_weight", DataType::kF32, shape));
  norm.weight = static_cast<const float*>(weight);
  config.attributes.erase("norm");
  config.attributes.erase("norm_eps");
  config.weights.erase("norm_weight");
  if (!centers) return norm;  // a bias is then rejected as an unknown role
  LW_ASSIGN_OR_RETURN(const void* bias, config.optional_weight("norm_bias", DataType::kF32, shape));
  norm.bias = static_cast<const float*>(bias);
  config.weights.erase("norm_bias");
  return norm;
}

Status expect_norm_fits(const LinearProblem& problem) {
  const WeightFormat format = problem.weight->format();
  if (problem.norm.kind == NormKind::kNone || rounds_rows(format)) return {};
  return invalid_argument("attribute 'norm': the products of a weight in " +
                          std::string(name_of(format)) + " do not round their rows");
}

Result<LinearProblem> check(OperatorConfig config) {
  LinearProblem problem{.isa = config.isa, .fast = config.fast};
  LW_ASSIGN_OR_RETURN(problem.norm, take_norm(config));
  LW_RETURN_IF_ERROR(config.attributes.expect_only({"activation", "has_residual"}));
  LW_ASSIGN_OR_RETURN(problem.has_residual, config.attributes.get_bool("has_residual", false));
  const size_t inputs = problem.has_residual ? 2 : 1;
  LW_RETURN_IF_ERROR(config.expect_f32_inputs(inputs, inputs));
  problem.k = config.inputs[0].features;
  problem.n = config.output.features;
  if (problem.k < 1 || problem.n < 1) return invalid_argument("features must be positive");
  if (problem.has_residual && config.inputs[1].features != problem.n) {
    return invalid_argument("residual: expected " + std::to_string(problem.n) +
                            " features, found " + std::to_string(config.inputs[1].features));
  }
  LW_ASSIGN_OR_RETURN(const std::string activation,
                      config.attributes.get_string("activation", "none"));
  LW_ASSIGN_OR_RETURN(problem.activation, parse_activation(activation));
  LW_ASSIGN_OR_RETURN(problem.weight, bind_weight(config, "weight", problem.n, problem.k));
  LW_RETURN_IF_ERROR(expect_only_weights(config, "weight", problem.weight->format(), {"bias"}));
  LW_RETURN_IF_ERROR(expect_norm_fits(problem));
  LW_ASSIGN_OR_RETURN(const void* bias,
                      config.optional_weight("bias", DataType::kF32, {problem.n}));
  problem.bias = static_cast<const float*>(bias);
  return problem;
}

}  // namespace

LinearBlock linear_block(const LinearProblem& problem, const Operands& operands, int64_t row,
                         int64_t row_end, int64_t feature, int64_t feature_end) noexcept {
  const Operand& x = operands.inputs[0];
  LinearBlock block{};
  block.x = x.f32(row);
  block.x_stride = static_cast<size_t>(x.stride);
  block.norm = problem.norm;
  block.bias = problem.bias == nullptr ? nullptr : problem.bias + feature;
  if (problem.has_residual) {
    block.residual = operands.inputs[1].f32(row) + feature;
    block.residual_stride = static_cast<size_t>(operands.inputs[1].stride);
  }
  block.y = operands.output.f32(row) + feature;
  block.y_stride = static_cast<size_t>(operands.output.stride);
  block.rows = static_cast<size_t>(row_end - row);
  block.k = static_cast<size_t>(problem.k);
  block.n = static_cast<size_t>(feature_end - feature);
  block.activation = problem.activation;
  return block;
}

double linear_flops(const LinearProblem& problem, const Operands& operands) noexcept {
  return 2.0 * static_cast<double>(operands.output.rows) * static_cast<double>(problem.k) *
         static_cast<double>(problem.n);
}

Result<OperatorPtr> make_linear(const OperatorConfig& config) {
  LW_ASSIGN_OR_RETURN(const LinearProblem problem, check(config));
  std::string log =
      "linear " + std::to_string(problem.k) + " -> " + std::to_string(problem.n) + ":";
  for (const LinearImplementation& implementation : kImplementations) {
    LinearOffer offer = implementation.offer(problem);
    log += " " + std::string(implementation.name);
    if (offer.op != nullptr) {
      if (config.log) config.log(log + " chosen");
      return std::move(offer.op);
    }
    log += " refused (" + offer.refusal + "),";
  }
  return unsupported(log + " no implementation is left");
}

namespace {

constexpr WeightRole kWeights[] = {
    {.role = "weight", .use = WeightUse::kProduct, .low_precision = true}};

constexpr std::string_view kPlanAttributes[] = {"norm", "norm_eps"};

/// Rows of x are rounded to bytes anyway: a norm on the way costs no extra pass over memory.
bool takes_norm(const OperatorConfig& config) {
  return config.attributes.expect_only({"activation", "has_residual"}).ok() &&
         !config.weights.contains("norm_weight") && !config.weights.contains("norm_bias") &&
         rounds_rows(format_of(config, "weight", WeightFormat::f32));
}

}  // namespace

constinit const OperatorDescription linear_operator = {
    .make = make_linear,
    .rows = same_rows,
    .step = DecodingStep{DecodingStep::Kind::kSame},
    .weights = kWeights,
    .norm = NormRole::kReader,
    .takes_norm = takes_norm,
    .plan_attributes = kPlanAttributes,
};

}  // namespace lanewise::ops
