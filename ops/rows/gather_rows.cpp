#include "ops/rows/gather_rows.hpp"

#include <cstring>

#include "base/dcheck.hpp"
#include "base/status_macros.hpp"
#include "ops/description.hpp"
#include "ops/row_operator.hpp"

namespace lanewise::ops {
namespace {

constexpr double kGatherNanoseconds = 0.2;

class GatherRows final : public RowOperator {
 public:
  explicit GatherRows(const OperatorConfig& config)
      : RowOperator(kGatherNanoseconds * static_cast<double>(config.output.features)) {}

  void run(const Operands& operands, const Piece& piece, std::byte*) const noexcept override {
    const Operand& x = operands.inputs[0];
    const Operand& index = operands.inputs[1];
    const size_t row_bytes = static_cast<size_t>(x.features) * sizeof(float);
    for (int64_t r = piece.begin; r < piece.end; ++r) {
      const int32_t row = *index.i32(r);
      LW_DCHECK(row >= 0 && row < x.rows);
      std::memcpy(operands.output.f32(r), x.f32(row), row_bytes);
    }
  }
};

}  // namespace

Result<OperatorPtr> make_gather_rows(const OperatorConfig& config) {
  LW_RETURN_IF_ERROR(config.attributes.expect_only({}));
  LW_RETURN_IF_ERROR(config.expect_only_weights({}));
  if (config.inputs.size() != 2) {
    return invalid_argument("expected 2 inputs, found " + std::to_string(config.inputs.size()));
  }
  const OperandSpec& index = config.inputs[1];
  if (index.type != DataType::kI32 || index.features != 1) {
    return invalid_argument("index: expected 1 feature of type I32, found " +
                            std::to_string(index.features) + " of type " +
                            std::string(name_of(index.type)));
  }
  OperatorConfig x_alone = config;
  x_alone.inputs.pop_back();
  LW_RETURN_IF_ERROR(expect_same_features(x_alone, 1, 1));
  return OperatorPtr(std::make_unique<GatherRows>(config));
}

namespace {

/// The output has the rows of the last input, which selects rows of the first.
std::string_view rows_of_index(const NodeRows& rows) {
  return rows.inputs.back().rows == rows.output ? "" : "an output with as many rows as the index";
}

}  // namespace

constinit const OperatorDescription gather_rows_operator = {
    .make = make_gather_rows,
    .rows = rows_of_index,
    .step = DecodingStep{DecodingStep::Kind::kNone},
    .weights = std::span<const WeightRole>(),
};

}  // namespace lanewise::ops
