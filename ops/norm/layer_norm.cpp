#include "ops/norm/layer_norm.hpp"

#include "base/status_macros.hpp"
#include "ops/description.hpp"
#include "ops/norm/layer_norm_kernels.hpp"
#include "ops/row_operator.hpp"

#define LW_KERNEL_TABLE LayerNormKernels
#define LW_KERNEL_NAME layer_norm_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

constexpr double kLayerNormNanoseconds = 0.5;

class LayerNorm final : public RowOperator {
 public:
  LayerNorm(const OperatorConfig& config, const LayerNormBlock& fixed)
      : RowOperator(kLayerNormNanoseconds * static_cast<double>(config.output.features)),
        kernels_(kernels_for<LayerNormKernels>(config.isa)),
        fixed_(fixed) {}

  void run(const Operands& operands, const Piece& piece, std::byte*) const noexcept override {
    LayerNormBlock block = fixed_;
    block.rows = row_block(operands, piece);
    if (operands.inputs.size() > 1) {
      block.residual = operands.inputs[1].f32(piece.begin);
      block.residual_stride = static_cast<size_t>(operands.inputs[1].stride);
    }
    kernels_.normalize(block);
  }

  int in_place_input() const noexcept override { return 0; }

 private:
  const LayerNormKernels& kernels_;
  LayerNormBlock fixed_;  // constant from run to run
};

}  // namespace

Result<OperatorPtr> make_layer_norm(const OperatorConfig& config) {
  LW_RETURN_IF_ERROR(config.attributes.expect_only({"eps"}));
  LW_RETURN_IF_ERROR(config.expect_only_weights({"weight", "bias"}));
  LW_RETURN_IF_ERROR(expect_same_features(config, 1, 2));
  LayerNormBlock fixed{};
  Norm& norm = fixed.norm;
  norm.kind = NormKind::kLayerNorm;
  LW_ASSIGN_OR_RETURN(norm.eps, eps_attribute(config, kLayerNormEps));
  LW_ASSIGN_OR_RETURN(norm.weight, vector_weight(config, "weight"));
  LW_ASSIGN_OR_RETURN(norm.bias, optional_vector_weight(config, "bias"));
  return OperatorPtr(std::make_unique<LayerNorm>(config, fixed));
}

constinit const OperatorDescription layer_norm_operator = {
    .make = make_layer_norm,
    .rows = same_rows,
    .step = DecodingStep{DecodingStep::Kind::kSame},
    .weights = std::span<const WeightRole>(),
    .norm = NormRole::kNorm,
};

}  // namespace lanewise::ops
