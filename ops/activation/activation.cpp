#include "ops/activation/activation.hpp"

#include "base/status_macros.hpp"
#include "ops/activation/activation_kernels.hpp"
#include "ops/description.hpp"
#include "ops/row_operator.hpp"

#define LW_KERNEL_TABLE ActivationKernels
#define LW_KERNEL_NAME activation_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

constexpr double kActivationNanoseconds = 0.6;

class ActivationOperator final : public RowOperator {
 public:
  ActivationOperator(const OperatorConfig& config, Activation kind)
      : RowOperator(kActivationNanoseconds * static_cast<double>(config.output.features)),
        kernels_(kernels_for<ActivationKernels>(config.isa)),
        kind_(kind) {}

  void run(const Operands& operands, const Piece& piece, std::byte*) const noexcept override {
    kernels_.apply(kind_, row_block(operands, piece));
  }

  int in_place_input() const noexcept override { return 0; }

 private:
  const ActivationKernels& kernels_;
  Activation kind_;
};

}  // namespace

Result<OperatorPtr> make_activation(const OperatorConfig& config) {
  LW_RETURN_IF_ERROR(config.attributes.expect_only({"kind"}));
  LW_RETURN_IF_ERROR(config.expect_only_weights({}));
  LW_RETURN_IF_ERROR(expect_same_features(config, 1, 1));
  if (!config.attributes.has("kind")) return invalid_argument("attribute 'kind' is missing");
  LW_ASSIGN_OR_RETURN(const std::string name, config.attributes.get_string("kind", ""));
  LW_ASSIGN_OR_RETURN(const Activation kind, parse_activation(name));
  return OperatorPtr(std::make_unique<ActivationOperator>(config, kind));
}

constinit const OperatorDescription activation_operator = {
    .make = make_activation,
    .rows = same_rows,
    .step = DecodingStep{DecodingStep::Kind::kSame},
    .weights = std::span<const WeightRole>(),
};

}  // namespace lanewise::ops
