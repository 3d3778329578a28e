#pragma once

#include "ops/operator.hpp"
#include "ops/row_block.hpp"

namespace lanewise::ops {

/// Duration of one piece of cheap work: ten times the cost of handing out a piece.
constexpr double kPieceNanoseconds = 10000.0;

/// Rows that take kPieceNanoseconds together, at least 1.
int64_t rows_per_piece(double row_nanoseconds) noexcept;

/// The rows of a piece of cut_rows(), in the first input and the output.
RowBlock row_block(const Operands& operands, const Piece& piece) noexcept;

/// Fails unless there are between `least` and `most` inputs, all of them and the output of type
/// f32 and with the same number of features, at least 1.
Status expect_same_features(const OperatorConfig& config, size_t least, size_t most);

/// The attribute `name` as f32. Fails unless it is a finite number, at least 0.
Result<float> eps_attribute(const OperatorConfig& config, double fallback,
                            std::string_view name = "eps");

/// The weight [dim] of that role.
Result<const float*> vector_weight(const OperatorConfig& config, std::string_view role);
/// The same, or nullptr if there is none.
Result<const float*> optional_vector_weight(const OperatorConfig& config, std::string_view role);

/// An operator that computes each row of its output from the same row of its inputs.
class RowOperator : public Operator {
 public:
  void cut(const Operands& operands, int threads, std::vector<Piece>& pieces) const final;
  PieceLimit most_pieces(int threads) const noexcept final;

 protected:
  /// `row_nanoseconds`: approximate time of one row on one core with AVX2.
  explicit RowOperator(double row_nanoseconds) : rows_per_piece_(rows_per_piece(row_nanoseconds)) {}

 private:
  int64_t rows_per_piece_;
};

}  // namespace lanewise::ops
