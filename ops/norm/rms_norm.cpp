#include "ops/norm/rms_norm.hpp"

#include "base/status_macros.hpp"
#include "ops/description.hpp"
#include "ops/norm/rms_norm_kernels.hpp"
#include "ops/row_operator.hpp"

#define LW_KERNEL_TABLE RmsNormKernels
#define LW_KERNEL_NAME rms_norm_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

constexpr double kRmsNormNanoseconds = 0.4;

class RmsNorm final : public RowOperator {
 public:
  RmsNorm(const OperatorConfig& config, const RmsNormBlock& fixed)
      : RowOperator(kRmsNormNanoseconds * static_cast<double>(config.output.features)),
        kernels_(kernels_for<RmsNormKernels>(config.isa)),
        fixed_(fixed) {}

  void run(const Operands& operands, const Piece& piece, std::byte*) const noexcept override {
    RmsNormBlock block = fixed_;
    block.rows = row_block(operands, piece);
    kernels_.normalize(block);
  }

  int in_place_input() const noexcept override { return 0; }

 private:
  const RmsNormKernels& kernels_;
  RmsNormBlock fixed_;  // constant from run to run
};

/// The length of the weight, if that divides the features; else what it should be.
int64_t group_of(const OperatorConfig& config) {
  const int64_t dim = config.output.features;
  const auto weight = config.weights.find("weight");
  if (weight == config.weights.end() || weight->second.shape.size() != 1) return dim;
  const int64_t length = weight->second.shape[0];
  return length >= 1 && dim % length == 0 ? length : dim;
}

}  // namespace

Result<OperatorPtr> make_rms_norm(const OperatorConfig& config) {
  LW_RETURN_IF_ERROR(config.attributes.expect_only({"eps"}));
  LW_RETURN_IF_ERROR(config.expect_only_weights({"weight"}));
  LW_RETURN_IF_ERROR(expect_same_features(config, 1, 1));
  RmsNormBlock fixed{};
  Norm& norm = fixed.norm;
  norm.kind = NormKind::kRmsNorm;
  LW_ASSIGN_OR_RETURN(norm.eps, eps_attribute(config, kRmsNormEps));
  const int64_t group = group_of(config);
  LW_ASSIGN_OR_RETURN(const void* weight, config.weight("weight", DataType::kF32, {group}));
  norm.weight = static_cast<const float*>(weight);
  fixed.group = static_cast<size_t>(group);
  return OperatorPtr(std::make_unique<RmsNorm>(config, fixed));
}

constinit const OperatorDescription rms_norm_operator = {
    .make = make_rms_norm,
    .rows = same_rows,
    .step = DecodingStep{DecodingStep::Kind::kSame},
    .weights = std::span<const WeightRole>(),
    .norm = NormRole::kNorm,
};

}  // namespace lanewise::ops
