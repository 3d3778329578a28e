#pragma once

#include <span>

#include "ops/attention/attention_problem.hpp"
#include "ops/operator.hpp"

namespace lanewise::ops {

/// Computes the weights by which attention (attention.hpp) multiplies the values, for
/// visualisation. Attention itself never stores them.
///
/// Not an operator: the number of weights of a query depends on the sequence, but the number of
/// features of a value must not. Uses double precision, one key at a time; not optimised.
/// Immutable.
class AttentionWeights {
 public:
  /// `config` is that of the attention. Fails as make_attention() does.
  static Result<AttentionWeights> create(const OperatorConfig& config);

  int64_t heads() const noexcept { return problem_.heads; }

  /// Computes the weights of one sequence.
  ///
  ///   w[h, i, j] = exp(s[h, i, j]) / sum_j' exp(s[h, i, j']) over the keys j' that query i sees
  ///   s[h, i, j] = scale * <Q[i, h], K[j, h']> + bias(h, p_i, j),  h' = h / (heads / kv_heads)
  ///
  /// inputs   those of the attention, with the rows of this sequence only; values are not read, and
  ///          may be omitted if they are a separate operand
  /// weights  [heads, queries, keys] f32, not an input. 0 for keys that a query does not see.
  /// Error: at most 1e-6 for scores within +-20, against a double reference.
  /// A row that sees no key is 0. A score of NaN or +inf makes the other weights of the row NaN, as
  /// in the formula. Thread-safe.
  void compute(std::span<const Operand> inputs, float* weights) const;

 private:
  explicit AttentionWeights(AttentionProblem problem) : problem_(std::move(problem)) {}
  void score(const float* q, const Operand& keys, int64_t key_column, const BiasRow& bias,
             const Seen& seen, double* scores) const noexcept;

  AttentionProblem problem_;
};

}  // namespace lanewise::ops
