#include "ops/features/concat_features.hpp"

#include <cstring>
#include <limits>

#include "base/status_macros.hpp"
#include "ops/description.hpp"
#include "ops/row_operator.hpp"

namespace lanewise::ops {
namespace {

constexpr double kConcatNanoseconds = 0.2;

class ConcatFeatures final : public RowOperator {
 public:
  explicit ConcatFeatures(const OperatorConfig& config)
      : RowOperator(kConcatNanoseconds * static_cast<double>(config.output.features)) {}

  void run(const Operands& operands, const Piece& piece, std::byte*) const noexcept override {
    for (int64_t r = piece.begin; r < piece.end; ++r) {
      float* y = operands.output.f32(r);
      for (const Operand& x : operands.inputs) {
        std::memcpy(y, x.f32(r), static_cast<size_t>(x.features) * sizeof(float));
        y += x.features;
      }
    }
  }
};

}  // namespace

Result<OperatorPtr> make_concat_features(const OperatorConfig& config) {
  LW_RETURN_IF_ERROR(config.attributes.expect_only({}));
  LW_RETURN_IF_ERROR(config.expect_only_weights({}));
  LW_RETURN_IF_ERROR(config.expect_f32_inputs(1, std::numeric_limits<size_t>::max()));
  int64_t features = 0;
  for (const OperandSpec& x : config.inputs) {
    if (x.features < 1 || x.features > INT32_MAX) {
      return invalid_argument("features must be positive");
    }
    features += x.features;
  }
  if (config.output.type == DataType::kF32 && config.output.features == features) {
    return OperatorPtr(std::make_unique<ConcatFeatures>(config));
  }
  return invalid_argument("output: expected " + std::to_string(features) + " features F32, found " +
                          std::to_string(config.output.features) + " " +
                          std::string(name_of(config.output.type)));
}

constinit const OperatorDescription concat_features_operator = {
    .make = make_concat_features,
    .rows = same_rows,
    .step = DecodingStep{DecodingStep::Kind::kSame},
    .weights = std::span<const WeightRole>(),
};

}  // namespace lanewise::ops
