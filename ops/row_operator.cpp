#include "ops/row_operator.hpp"

#include <algorithm>
#include <cmath>

#include "base/status_macros.hpp"

namespace lanewise::ops {

int64_t rows_per_piece(double row_nanoseconds) noexcept {
  constexpr double kMost = 1e9;  // a piece counts rows in 32 bits
  return static_cast<int64_t>(std::clamp(kPieceNanoseconds / row_nanoseconds, 1.0, kMost));
}

RowBlock row_block(const Operands& operands, const Piece& piece) noexcept {
  const Operand& x = operands.inputs[0];
  const Operand& y = operands.output;
  return {.x = x.f32(piece.begin),
          .x_stride = static_cast<size_t>(x.stride),
          .y = y.f32(piece.begin),
          .y_stride = static_cast<size_t>(y.stride),
          .rows = static_cast<size_t>(piece.end - piece.begin),
          .dim = static_cast<size_t>(y.features)};
}

Status expect_same_features(const OperatorConfig& config, size_t least, size_t most) {
  LW_RETURN_IF_ERROR(config.expect_f32_inputs(least, most));
  const OperandSpec& y = config.output;
  if (y.type != DataType::kF32) {
    return invalid_argument("expected an output of type F32, found " +
                            std::string(name_of(y.type)));
  }
  if (y.features < 1) return invalid_argument("features must be positive");
  for (const OperandSpec& x : config.inputs) {
    if (x.features == y.features) continue;
    return invalid_argument("expected inputs of " + std::to_string(y.features) +
                            " features like the output, found " + std::to_string(x.features));
  }
  return {};
}

Result<float> eps_attribute(const OperatorConfig& config, double fallback, std::string_view name) {
  LW_ASSIGN_OR_RETURN(const double eps, config.attributes.get_double(name, fallback));
  if (!std::isfinite(eps) || eps < 0.0 || eps > 1e30) {
    return invalid_argument("attribute '" + std::string(name) +
                            "': expected a number >= 0, found " + std::to_string(eps));
  }
  return static_cast<float>(eps);
}

Result<const float*> vector_weight(const OperatorConfig& config, std::string_view role) {
  LW_ASSIGN_OR_RETURN(const void* data,
                      config.weight(role, DataType::kF32, {config.output.features}));
  return static_cast<const float*>(data);
}

Result<const float*> optional_vector_weight(const OperatorConfig& config, std::string_view role) {
  LW_ASSIGN_OR_RETURN(const void* data,
                      config.optional_weight(role, DataType::kF32, {config.output.features}));
  return static_cast<const float*>(data);
}

void RowOperator::cut(const Operands& operands, int /*threads*/, std::vector<Piece>& pieces) const {
  cut_rows(operands.output.rows, rows_per_piece_, pieces);
}

PieceLimit RowOperator::most_pieces(int /*threads*/) const noexcept {
  return most_row_pieces(rows_per_piece_);
}

}  // namespace lanewise::ops
