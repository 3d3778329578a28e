#include "ops/soft_cap/soft_cap.hpp"

#include <cmath>

#include "base/status_macros.hpp"
#include "ops/description.hpp"
#include "ops/row_operator.hpp"
#include "ops/soft_cap/soft_cap_kernels.hpp"

#define LW_KERNEL_TABLE SoftCapKernels
#define LW_KERNEL_NAME soft_cap_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

constexpr double kSoftCapNanoseconds = 0.6;

class SoftCap final : public RowOperator {
 public:
  SoftCap(const OperatorConfig& config, float cap)
      : RowOperator(kSoftCapNanoseconds * static_cast<double>(config.output.features)),
        kernels_(kernels_for<SoftCapKernels>(config.isa)),
        cap_(cap) {}

  void run(const Operands& operands, const Piece& piece, std::byte*) const noexcept override {
    kernels_.apply(cap_, row_block(operands, piece));
  }

  int in_place_input() const noexcept override { return 0; }

 private:
  const SoftCapKernels& kernels_;
  float cap_;
};

}  // namespace

Result<OperatorPtr> make_soft_cap(const OperatorConfig& config) {
  LW_RETURN_IF_ERROR(config.attributes.expect_only({"cap"}));
  LW_RETURN_IF_ERROR(config.expect_only_weights({}));
  LW_RETURN_IF_ERROR(expect_same_features(config, 1, 1));
  LW_ASSIGN_OR_RETURN(const double value, config.attributes.get_double("cap", 0));
  const auto cap = static_cast<float>(value);
  if (!(cap > 0) || !std::isfinite(cap)) {
    return invalid_argument("attribute 'cap': expected a positive number, found " +
                            std::to_string(value));
  }
  return OperatorPtr(std::make_unique<SoftCap>(config, cap));
}

constinit const OperatorDescription soft_cap_operator = {
    .make = make_soft_cap,
    .rows = same_rows,
    .step = DecodingStep{DecodingStep::Kind::kSame},
    .weights = std::span<const WeightRole>(),
};

}  // namespace lanewise::ops
