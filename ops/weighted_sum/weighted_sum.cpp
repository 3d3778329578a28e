#include "ops/weighted_sum/weighted_sum.hpp"

#include <limits>

#include "base/status_macros.hpp"
#include "ops/description.hpp"
#include "ops/row_operator.hpp"
#include "ops/weighted_sum/weighted_sum_kernels.hpp"

#define LW_KERNEL_TABLE WeightedSumKernels
#define LW_KERNEL_NAME weighted_sum_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

constexpr double kWeightedSumNanoseconds = 0.3;

class WeightedSum final : public RowOperator {
 public:
  WeightedSum(const OperatorConfig& config, const float* weights)
      : RowOperator(kWeightedSumNanoseconds * static_cast<double>(config.output.features) *
                    static_cast<double>(config.inputs.size())),
        kernels_(kernels_for<WeightedSumKernels>(config.isa)),
        weights_(weights) {}

  void run(const Operands& operands, const Piece& piece, std::byte*) const noexcept override {
    RowBlock block = row_block(operands, piece);
    kernels_.begin(weights_[0], block);
    for (size_t k = 1; k < operands.inputs.size(); ++k) {
      const Operand& x = operands.inputs[k];
      block.x = x.f32(piece.begin);
      block.x_stride = static_cast<size_t>(x.stride);
      kernels_.add(weights_[k], block);
    }
  }

 private:
  const WeightedSumKernels& kernels_;
  const float* weights_;  // [inputs]
};

}  // namespace

Result<OperatorPtr> make_weighted_sum(const OperatorConfig& config) {
  LW_RETURN_IF_ERROR(config.attributes.expect_only({}));
  LW_RETURN_IF_ERROR(config.expect_only_weights({"weight"}));
  LW_RETURN_IF_ERROR(expect_same_features(config, 1, std::numeric_limits<size_t>::max()));
  LW_ASSIGN_OR_RETURN(
      const void* weights,
      config.weight("weight", DataType::kF32, {static_cast<int64_t>(config.inputs.size())}));
  return OperatorPtr(std::make_unique<WeightedSum>(config, static_cast<const float*>(weights)));
}

constinit const OperatorDescription weighted_sum_operator = {
    .make = make_weighted_sum,
    .rows = same_rows,
    .step = DecodingStep{DecodingStep::Kind::kSame},
    .weights = std::span<const WeightRole>(),
};

}  // namespace lanewise::ops
