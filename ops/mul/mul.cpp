#include "ops/mul/mul.hpp"

#include "base/status_macros.hpp"
#include "ops/description.hpp"
#include "ops/mul/mul_kernels.hpp"
#include "ops/row_operator.hpp"

#define LW_KERNEL_TABLE MulKernels
#define LW_KERNEL_NAME mul_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

constexpr double kMulNanoseconds = 0.3;

class Mul final : public RowOperator {
 public:
  explicit Mul(const OperatorConfig& config)
      : RowOperator(kMulNanoseconds * static_cast<double>(config.output.features)),
        kernels_(kernels_for<MulKernels>(config.isa)) {}

  void run(const Operands& operands, const Piece& piece, std::byte*) const noexcept override {
    const Operand& b = operands.inputs[1];
    kernels_.mul(row_block(operands, piece), b.f32(piece.begin), static_cast<size_t>(b.stride));
  }

  int in_place_input() const noexcept override { return 0; }

 private:
  const MulKernels& kernels_;
};

}  // namespace

Result<OperatorPtr> make_mul(const OperatorConfig& config) {
  LW_RETURN_IF_ERROR(config.attributes.expect_only({}));
  LW_RETURN_IF_ERROR(config.expect_only_weights({}));
  LW_RETURN_IF_ERROR(expect_same_features(config, 2, 2));
  return OperatorPtr(std::make_unique<Mul>(config));
}

constinit const OperatorDescription mul_operator = {
    .make = make_mul,
    .rows = same_rows,
    .step = DecodingStep{DecodingStep::Kind::kSame},
    .weights = std::span<const WeightRole>(),
};

}  // namespace lanewise::ops
