#include "ops/attention/attention_weights.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace lanewise::ops {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// weights[j] = e^scores[j] / sum. Scores of -inf, from a bias, count as not seen: without any
/// other the row is 0, where the formula would divide 0 by 0.
void softmax(std::span<const double> scores, float* weights) {
  double most = -kInfinity;
  for (const double score : scores) most = std::max(most, score);
  const auto power = [most](double score) {
    return score == -kInfinity ? 0.0 : std::exp(score - most);
  };
  double sum = 0;
  for (const double score : scores) sum += power(score);
  for (size_t j = 0; j < scores.size(); ++j) {
    weights[j] = sum == 0 ? 0.0f : static_cast<float>(power(scores[j]) / sum);
  }
}

}  // namespace

Result<AttentionWeights> AttentionWeights::create(const OperatorConfig& config) {
  Result<AttentionProblem> problem = check_attention(config);
  if (!problem.ok()) return problem.status();
  return AttentionWeights(std::move(problem).value());
}

void AttentionWeights::score(const float* q, const Operand& keys, int64_t key_column,
                             const BiasRow& bias, const Seen& seen, double* scores) const noexcept {
  for (int32_t j = seen.begin; j < seen.end; ++j) {
    const float* k = keys.f32(j) + key_column;
    double sum = 0;
    for (int64_t i = 0; i < problem_.head_dim; ++i) sum += static_cast<double>(q[i]) * k[i];
    sum *= problem_.scale;
    if (problem_.soft_cap > 0) sum = problem_.soft_cap * std::tanh(sum / problem_.soft_cap);
    if (bias.table != nullptr) {
      sum += bias.table[std::clamp(j + bias.shift, problem_.bias.first, problem_.bias.last)];
    }
    *scores++ = sum;
  }
}

void AttentionWeights::compute(std::span<const Operand> inputs, float* weights) const {
  const Operand& q = inputs[0];
  const bool self = inputs.size() == 1;
  const Operand& k = self ? q : inputs[1];
  const int64_t first_key_column = self ? problem_.heads * problem_.head_dim : 0;
  const Lengths both{q.rows, k.rows};
  std::vector<double> scores(static_cast<size_t>(k.rows));
  for (int64_t h = 0; h < problem_.heads; ++h) {
    const int64_t key_column = first_key_column + h / problem_.group() * problem_.head_dim;
    for (int64_t i = 0; i < q.rows; ++i, weights += k.rows) {
      const Seen seen = problem_.seen_by(both, i);
      const BiasRow bias = problem_.bias.row(h, problem_.position(both, i));
      score(q.f32(i) + h * problem_.head_dim, k, key_column, bias, seen, scores.data());
      std::fill_n(weights, k.rows, 0.0f);
      softmax(std::span(scores).first(static_cast<size_t>(seen.end - seen.begin)),
              weights + seen.begin);
    }
  }
}

}  // namespace lanewise::ops
