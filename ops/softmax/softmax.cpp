#include "ops/softmax/softmax.hpp"

#include <cmath>
#include <numbers>

#include "base/status_macros.hpp"
#include "ops/description.hpp"
#include "ops/row_operator.hpp"
#include "ops/softmax/softmax_kernels.hpp"

#define LW_KERNEL_TABLE SoftmaxKernels
#define LW_KERNEL_NAME softmax_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

constexpr double kSoftmaxNanoseconds = 0.8;

class Softmax final : public RowOperator {
 public:
  Softmax(const OperatorConfig& config, double scale)
      : RowOperator(kSoftmaxNanoseconds * static_cast<double>(config.output.features)),
        kernels_(kernels_for<SoftmaxKernels>(config.isa)),
        scale_log2_(static_cast<float>(scale * std::numbers::log2e)) {}

  void run(const Operands& operands, const Piece& piece, std::byte*) const noexcept override {
    kernels_.softmax(row_block(operands, piece), scale_log2_);
  }

  int in_place_input() const noexcept override { return 0; }

 private:
  const SoftmaxKernels& kernels_;
  float scale_log2_;
};

}  // namespace

Result<OperatorPtr> make_softmax(const OperatorConfig& config) {
  LW_RETURN_IF_ERROR(config.attributes.expect_only({"scale"}));
  LW_RETURN_IF_ERROR(config.expect_only_weights({}));
  LW_RETURN_IF_ERROR(expect_same_features(config, 1, 1));
  LW_ASSIGN_OR_RETURN(const double scale, config.attributes.get_double("scale", 1.0));
  // Limits that f32 can represent; below them every product with the scale would be 0.
  if (!(scale >= 1e-30 && scale <= 1e30)) {
    return invalid_argument("attribute 'scale': expected a number > 0, found " +
                            std::to_string(scale));
  }
  return OperatorPtr(std::make_unique<Softmax>(config, scale));
}

constinit const OperatorDescription softmax_operator = {
    .make = make_softmax,
    .rows = same_rows,
    .step = DecodingStep{DecodingStep::Kind::kSame},
    .weights = std::span<const WeightRole>(),
};

}  // namespace lanewise::ops
