#pragma once

#include <span>

#include "ops/attention/attention_problem.hpp"
#include "ops/operator.hpp"

namespace lanewise::ops {

/// The weights that an attention gives to the keys, for people who want to see them: what
/// ops/attention/attention.hpp multiplies the values with, and never writes down.
///
/// No operator of the graph: how many weights a query has depends on the sequence, and features do
/// not. In double precision and one key after another, not made to be fast. Immutable.
class AttentionWeights {
 public:
  /// `config` is the one that the attention is made from. Fails as make_attention() does.
  static Result<AttentionWeights> create(const OperatorConfig& config);

  int64_t heads() const noexcept { return problem_.heads; }

  /// Computes the weights of one sequence.
  ///
  ///   w[h, i, j] = exp(s[h, i, j]) / sum_j' exp(s[h, i, j']) over the keys j' that query i sees
  ///   s[h, i, j] = scale * <Q[i, h], K[j, h']> + bias(h, p_i, j),  h' = h / (heads / kv_heads)
  ///
  /// inputs   the attention's, with the rows of this sequence alone; values are not read, and where
  ///          they are an operand of their own it may be left out
  /// weights  [heads, queries, keys] f32, not an input. Keys that a query does not see have 0.
  /// Error: at most 1e-6 for scores within +-20, against a double reference.
  /// A row that sees no key is 0. A score of NaN or +inf makes NaN of the row's other weights, as
  /// in the formula. Thread-safe.
  void compute(std::span<const Operand> inputs, float* weights) const;

 private:
  explicit AttentionWeights(AttentionProblem problem) : problem_(std::move(problem)) {}
  void score(const float* q, const Operand& keys, int64_t key_column, const BiasRow& bias,
             const Seen& seen, double* scores) const noexcept;

  AttentionProblem problem_;
};

}  // namespace lanewise::ops
