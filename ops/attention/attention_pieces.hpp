#pragma once

#include <vector>

#include "ops/attention/attention_problem.hpp"
#include "ops/operator.hpp"

namespace lanewise::ops {

/// How attention is divided, for any place of keys and values.
///
/// Rows are the unit of work: row r of a sequence and a key head is query r / group with head
/// r % group of those that share the key head. So grouped heads are computed together.
///
/// A piece: [begin, end) of sequence * kv_heads + kv_head, all of one sequence; [other_begin,
/// other_end) of the rows.
class AttentionPieces {
 public:
  /// `problem` must outlive it.
  ///
  /// row_block  rows of a piece are a multiple of it, but for the last
  AttentionPieces(const AttentionProblem& problem, int64_t row_block)
      : problem_(problem), row_block_(row_block) {}

  using LengthsOf = Lengths (*)(const Operands& operands, int64_t sequence) noexcept;

  void cut(const Operands& operands, LengthsOf lengths, int threads,
           std::vector<Piece>& pieces) const;
  PieceLimit most(int threads) const noexcept;
  /// Floating-point operations of the pairs of queries and keys that see each other.
  double flops(const Operands& operands, LengthsOf lengths) const noexcept;

 private:
  double work(const Lengths& both, int64_t row, int64_t row_end) const;
  void cut_sequence(int64_t sequence, const Lengths& both, double target,
                    std::vector<Piece>& pieces) const;

  const AttentionProblem& problem_;
  const int64_t row_block_;
};

}  // namespace lanewise::ops
