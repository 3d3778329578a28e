#include "ops/norm/l2_normalize.hpp"

#include "base/status_macros.hpp"
#include "ops/description.hpp"
#include "ops/norm/l2_normalize_kernels.hpp"
#include "ops/row_operator.hpp"

#define LW_KERNEL_TABLE L2NormalizeKernels
#define LW_KERNEL_NAME l2_normalize_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

constexpr double kL2NormalizeNanoseconds = 0.5;

class L2Normalize final : public RowOperator {
 public:
  L2Normalize(const OperatorConfig& config, float eps)
      : RowOperator(kL2NormalizeNanoseconds * static_cast<double>(config.output.features)),
        kernels_(kernels_for<L2NormalizeKernels>(config.isa)),
        eps_(eps) {}

  void run(const Operands& operands, const Piece& piece, std::byte*) const noexcept override {
    kernels_.normalize(row_block(operands, piece), eps_);
  }

  int in_place_input() const noexcept override { return 0; }

 private:
  const L2NormalizeKernels& kernels_;
  float eps_;
};

}  // namespace

Result<OperatorPtr> make_l2_normalize(const OperatorConfig& config) {
  LW_RETURN_IF_ERROR(config.attributes.expect_only({"eps"}));
  LW_RETURN_IF_ERROR(config.expect_only_weights({}));
  LW_RETURN_IF_ERROR(expect_same_features(config, 1, 1));
  LW_ASSIGN_OR_RETURN(const float eps, eps_attribute(config, 1e-12));
  return OperatorPtr(std::make_unique<L2Normalize>(config, eps));
}

constinit const OperatorDescription l2_normalize_operator = {
    .make = make_l2_normalize,
    .rows = same_rows,
    .step = DecodingStep{DecodingStep::Kind::kSame},
    .weights = std::span<const WeightRole>(),
};

}  // namespace lanewise::ops
