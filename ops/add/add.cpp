#include "ops/add/add.hpp"

#include "base/status_macros.hpp"
#include "ops/add/add_kernels.hpp"
#include "ops/description.hpp"
#include "ops/row_operator.hpp"

#define LW_KERNEL_TABLE AddKernels
#define LW_KERNEL_NAME add_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

constexpr double kAddNanoseconds = 0.3;

class Add final : public RowOperator {
 public:
  explicit Add(const OperatorConfig& config)
      : RowOperator(kAddNanoseconds * static_cast<double>(config.output.features)),
        kernels_(kernels_for<AddKernels>(config.isa)) {}

  void run(const Operands& operands, const Piece& piece, std::byte*) const noexcept override {
    const Operand& b = operands.inputs[1];
    kernels_.add(row_block(operands, piece), b.f32(piece.begin), static_cast<size_t>(b.stride));
  }

  int in_place_input() const noexcept override { return 0; }

 private:
  const AddKernels& kernels_;
};

}  // namespace

Result<OperatorPtr> make_add(const OperatorConfig& config) {
  LW_RETURN_IF_ERROR(config.attributes.expect_only({}));
  LW_RETURN_IF_ERROR(config.expect_only_weights({}));
  LW_RETURN_IF_ERROR(expect_same_features(config, 2, 2));
  return OperatorPtr(std::make_unique<Add>(config));
}

constinit const OperatorDescription add_operator = {
    .make = make_add,
    .rows = same_rows,
    .step = DecodingStep{DecodingStep::Kind::kSame},
    .weights = std::span<const WeightRole>(),
};

}  // namespace lanewise::ops
