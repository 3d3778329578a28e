#include "ops/rotary/rotary.hpp"

#include <algorithm>

#include "base/status_macros.hpp"
#include "ops/description.hpp"
#include "ops/rotary/rotary_kernels.hpp"
#include "ops/row_operator.hpp"

#define LW_KERNEL_TABLE RotaryKernels
#define LW_KERNEL_NAME rotary_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

constexpr double kRotaryNanoseconds = 0.3;
// Keeps the product of two of them in range.
constexpr int64_t kMost = 1 << 24;

class Rotary final : public RowOperator {
 public:
  Rotary(const OperatorConfig& config, const RotaryBlock& fixed)
      : RowOperator(kRotaryNanoseconds * static_cast<double>(config.output.features)),
        kernels_(kernels_for<RotaryKernels>(config.isa)),
        fixed_(fixed) {}

  void run(const Operands& operands, const Piece& piece, std::byte*) const noexcept override {
    const Operand& angles = operands.inputs[1];
    RotaryBlock block = fixed_;
    block.rows = row_block(operands, piece);
    block.angles = angles.f32(piece.begin);
    block.angles_stride = static_cast<size_t>(angles.stride);
    kernels_.rotate(block);
  }

  int in_place_input() const noexcept override { return 0; }

 private:
  const RotaryKernels& kernels_;
  RotaryBlock fixed_;  // what does not change from run to run
};

Result<size_t> positive(const OperatorConfig& config, const std::string& name) {
  LW_ASSIGN_OR_RETURN(const int64_t value, config.attributes.get_int(name, 0));
  if (value >= 1 && value <= kMost) return static_cast<size_t>(value);
  return invalid_argument("attribute '" + name + "': expected 1 to " + std::to_string(kMost) +
                          ", found " + std::to_string(value));
}

Status check_operands(const OperatorConfig& config, const RotaryBlock& block) {
  LW_RETURN_IF_ERROR(config.expect_f32_inputs(2, 2));
  const int64_t features = config.inputs[0].features;
  if (config.output.type != DataType::kF32 || config.output.features != features) {
    return invalid_argument("expected an output of " + std::to_string(features) +
                            " features of type F32, like the first input");
  }
  const auto rotated = static_cast<int64_t>(block.heads * block.head_dim);
  if (features < rotated) {
    return invalid_argument("expected at least heads * head_dim = " + std::to_string(rotated) +
                            " features, found " + std::to_string(features));
  }
  const int64_t angles = config.inputs[1].features;
  const auto head_dim = static_cast<int64_t>(block.head_dim);
  if (angles >= 2 && angles % 2 == 0 && angles <= head_dim) return {};
  return invalid_argument("angles: expected an even number of features, at most head_dim = " +
                          std::to_string(head_dim) + ", found " + std::to_string(angles));
}

}  // namespace

Result<OperatorPtr> make_rotary(const OperatorConfig& config) {
  LW_RETURN_IF_ERROR(config.attributes.expect_only({"heads", "head_dim", "interleaved"}));
  LW_RETURN_IF_ERROR(config.expect_only_weights({}));
  RotaryBlock fixed{};
  LW_ASSIGN_OR_RETURN(fixed.heads, positive(config, "heads"));
  LW_ASSIGN_OR_RETURN(fixed.head_dim, positive(config, "head_dim"));
  LW_ASSIGN_OR_RETURN(fixed.interleaved, config.attributes.get_bool("interleaved", false));
  LW_RETURN_IF_ERROR(check_operands(config, fixed));
  fixed.pairs = static_cast<size_t>(config.inputs[1].features / 2);
  return OperatorPtr(std::make_unique<Rotary>(config, fixed));
}

constinit const OperatorDescription rotary_operator = {
    .make = make_rotary,
    .rows = same_rows,
    .step = DecodingStep{DecodingStep::Kind::kSame},
    .weights = std::span<const WeightRole>(),
};

}  // namespace lanewise::ops
