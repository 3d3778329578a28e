#include "ops/features/slice_features.hpp"

#include <cstring>

#include "base/status_macros.hpp"
#include "ops/description.hpp"
#include "ops/row_operator.hpp"

namespace lanewise::ops {
namespace {

constexpr double kSliceNanoseconds = 0.2;

class SliceFeatures final : public RowOperator {
 public:
  SliceFeatures(const OperatorConfig& config, int64_t begin)
      : RowOperator(kSliceNanoseconds * static_cast<double>(config.output.features)),
        begin_(begin) {}

  void run(const Operands& operands, const Piece& piece, std::byte*) const noexcept override {
    const size_t bytes = static_cast<size_t>(operands.output.features) * sizeof(float);
    for (int64_t r = piece.begin; r < piece.end; ++r) {
      std::memcpy(operands.output.f32(r), operands.inputs[0].f32(r) + begin_, bytes);
    }
  }

 private:
  int64_t begin_;
};

}  // namespace

Result<OperatorPtr> make_slice_features(const OperatorConfig& config) {
  LW_RETURN_IF_ERROR(config.attributes.expect_only({"begin"}));
  LW_RETURN_IF_ERROR(config.expect_only_weights({}));
  LW_RETURN_IF_ERROR(config.expect_f32_inputs(1, 1));
  LW_ASSIGN_OR_RETURN(const int64_t begin, config.attributes.get_int("begin", 0));
  const int64_t n = config.inputs[0].features;
  const int64_t dim = config.output.features;
  if (config.output.type != DataType::kF32 || dim < 1 || begin < 0 || begin > n ||
      dim > n - begin) {
    return invalid_argument("expected features of the " + std::to_string(n) + " of x, found " +
                            std::to_string(dim) + " from 'begin' = " + std::to_string(begin));
  }
  return OperatorPtr(std::make_unique<SliceFeatures>(config, begin));
}

constinit const OperatorDescription slice_features_operator = {
    .make = make_slice_features,
    .rows = same_rows,
    .step = DecodingStep{DecodingStep::Kind::kSame},
    .weights = std::span<const WeightRole>(),
};

}  // namespace lanewise::ops
