#include "ops/operator.hpp"

#include <algorithm>

#include "base/saturating.hpp"
#include "ops/description.hpp"

namespace lanewise::ops {

namespace {

std::string describe(DataType type, const Shape& shape) {
  return to_string(shape) + " " + std::string(name_of(type));
}

}  // namespace

Result<const void*> OperatorConfig::optional_weight(std::string_view role, DataType type,
                                                    const Shape& shape) const {
  const auto it = weights.find(role);
  if (it == weights.end()) return static_cast<const void*>(nullptr);
  const TensorView& tensor = it->second;
  if (tensor.type != type || tensor.shape != shape) {
    return invalid_argument("weight '" + std::string(role) + "': expected " +
                            describe(type, shape) + ", found " +
                            describe(tensor.type, tensor.shape));
  }
  return tensor.data;
}

Result<const void*> OperatorConfig::weight(std::string_view role, DataType type,
                                           const Shape& shape) const {
  if (weights.find(role) == weights.end()) {
    return invalid_argument("weight '" + std::string(role) + "' is missing");
  }
  return optional_weight(role, type, shape);
}

Status OperatorConfig::expect_f32_inputs(size_t least, size_t most) const {
  if (inputs.size() < least || inputs.size() > most) {
    return invalid_argument("expected " + std::to_string(least) +
                            (most == least ? "" : " to " + std::to_string(most)) +
                            " inputs, found " + std::to_string(inputs.size()));
  }
  for (const OperandSpec& input : inputs) {
    if (input.type != DataType::kF32) {
      return invalid_argument("expected inputs of type F32, found " +
                              std::string(name_of(input.type)));
    }
  }
  return {};
}

Status OperatorConfig::expect_only_weights(std::initializer_list<std::string_view> known) const {
  for (const auto& [role, tensor] : weights) {
    if (std::find(known.begin(), known.end(), role) == known.end()) {
      return invalid_argument("unknown weight '" + role + "'");
    }
  }
  return {};
}

Result<OperatorPtr> make_operator(std::string_view name, const OperatorConfig& config) {
  const OperatorDescription* description = find_operator(name);
  if (description != nullptr) return description->make(config);
  return unsupported("unknown operator '" + std::string(name) + "'; known: " + known_operators());
}

int64_t PieceLimit::of(int64_t rows, int64_t sequences, int64_t parts) const noexcept {
  const int64_t of_rows = rows_each == 0 ? 0 : rows / rows_each;
  const int64_t of_sequences = base::multiply_or_max(sequences, of_sequence);
  const int64_t of_parts = base::multiply_or_max(parts, more);
  return base::add_or_max(of_rows, base::add_or_max(of_sequences, of_parts));
}

void cut_rows(int64_t rows, int64_t rows_per_piece, std::vector<Piece>& pieces) {
  for (int64_t row = 0; row < rows; row += rows_per_piece) {
    const int64_t end = std::min(rows, row + rows_per_piece);
    pieces.push_back({static_cast<int32_t>(row), static_cast<int32_t>(end), 0, 0});
  }
}

}  // namespace lanewise::ops
