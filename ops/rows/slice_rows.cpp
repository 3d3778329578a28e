#include "ops/rows/slice_rows.hpp"

#include <cstring>

#include "base/dcheck.hpp"
#include "base/status_macros.hpp"
#include "ops/description.hpp"
#include "ops/row_operator.hpp"

namespace lanewise::ops {
namespace {

constexpr double kSliceRowNanoseconds = 0.2;

class SliceRows final : public RowOperator {
 public:
  SliceRows(const OperatorConfig& config, int64_t index)
      : RowOperator(kSliceRowNanoseconds * static_cast<double>(config.output.features)),
        index_(index) {}

  void run(const Operands& operands, const Piece& piece, std::byte*) const noexcept override {
    const Operand& x = operands.inputs[0];
    LW_DCHECK(operands.output.rows == x.ragged->sequences);
    const size_t row_bytes = static_cast<size_t>(x.features) * sizeof(float);
    for (int64_t s = piece.begin; s < piece.end; ++s) {
      const int64_t begin = x.ragged->offsets[s];
      const int64_t end = x.ragged->offsets[s + 1];
      const int64_t row = index_ >= 0 ? begin + index_ : end + index_;
      float* y = operands.output.f32(s);
      if (row >= begin && row < end) {
        std::memcpy(y, x.f32(row), row_bytes);
      } else {
        std::memset(y, 0, row_bytes);
      }
    }
  }

 private:
  int64_t index_;
};

}  // namespace

Result<OperatorPtr> make_slice_rows(const OperatorConfig& config) {
  LW_RETURN_IF_ERROR(config.attributes.expect_only({"index"}));
  LW_RETURN_IF_ERROR(config.expect_only_weights({}));
  LW_RETURN_IF_ERROR(expect_same_features(config, 1, 1));
  LW_ASSIGN_OR_RETURN(const int64_t index, config.attributes.get_int("index", 0));
  // Rows are counted in 32 bits; with an index of that range nothing overflows.
  if (index < INT32_MIN || index > INT32_MAX) {
    return invalid_argument("attribute 'index': " + std::to_string(index) + " is out of range");
  }
  return OperatorPtr(std::make_unique<SliceRows>(config, index));
}

constinit const OperatorDescription slice_rows_operator = {
    .make = make_slice_rows,
    .rows = row_per_sequence,
    .step = DecodingStep{DecodingStep::Kind::kNone},
    .weights = std::span<const WeightRole>(),
};

}  // namespace lanewise::ops
