#pragma once

/// The operands of an attention and its formula in double precision, for attention_test.cpp and
/// attention_weights_test.cpp.

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "ops/attention/attention.hpp"
#include "tests/ops/op_test.hpp"

namespace lanewise::ops::test {

struct AttentionShapes {
  int64_t heads = 2;
  int64_t kv_heads = 2;
  int64_t head_dim = 20;
  std::vector<int32_t> queries = {};
  std::vector<int32_t> keys = {};  // of 2 and 3 inputs
  int inputs = 1;
  bool causal = false;
  int64_t window = 0;
  double soft_cap = 0;
  std::string bias_kind = "none";
  Shape bias_shape = {};
  float size = 1.7f;  // of queries, keys and values
  bool allow_bf16 = false;
};

class AttentionCase {
 public:
  explicit AttentionCase(const AttentionShapes& shapes, uint64_t seed = 1)
      : s(shapes),
        queries(std::span<const int32_t>(shapes.queries)),
        keys(std::span<const int32_t>(shapes.inputs == 1 ? shapes.queries : shapes.keys)),
        query_rows_(queries.rows()),
        key_rows_(keys.rows()) {
    const int64_t q_width = s.heads * s.head_dim, k_width = s.kv_heads * s.head_dim;
    if (s.inputs == 1) add_input(queries.total(), q_width + 2 * k_width, seed);
    if (s.inputs >= 2) add_input(queries.total(), q_width, seed);
    if (s.inputs == 2) add_input(keys.total(), 2 * k_width, seed + 100);
    if (s.inputs == 3) {
      add_input(keys.total(), k_width, seed + 100);
      add_input(keys.total(), k_width, seed + 200);
    }
    if (s.bias_shape.empty()) return;
    bias = Random(seed + 300).floats(static_cast<size_t>(element_count(s.bias_shape).value()));
  }
  AttentionCase(const AttentionCase&) = delete;  // operands point into it

  float& q(int64_t row, int64_t head, int64_t i) {
    return inputs[0].at(row, head * s.head_dim + i);
  }
  float& k(int64_t row, int64_t head, int64_t i) {
    const int64_t column = head * s.head_dim + i;
    return s.inputs == 1 ? inputs[0].at(row, s.heads * s.head_dim + column)
                         : inputs[1].at(row, column);
  }
  float& v(int64_t row, int64_t head, int64_t i) {
    const int64_t column = head * s.head_dim + i, k_width = s.kv_heads * s.head_dim;
    if (s.inputs == 1) return inputs[0].at(row, s.heads * s.head_dim + k_width + column);
    return s.inputs == 2 ? inputs[1].at(row, k_width + column) : inputs[2].at(row, column);
  }

  OperatorConfig config(Isa isa) const {
    OperatorConfig config{.isa = isa};
    config.attributes = {{"heads", s.heads},         {"kv_heads", s.kv_heads},
                         {"head_dim", s.head_dim},   {"causal", s.causal},
                         {"window", s.window},       {"soft_cap", s.soft_cap},
                         {"bias_kind", s.bias_kind}, {"allow_bf16", s.allow_bf16}};
    for (const auto& input : inputs) config.inputs.push_back({DataType::kF32, input.features()});
    config.output.features = s.heads * s.head_dim;
    if (!bias.empty()) config.weights["bias"] = {DataType::kF32, bias.data(), s.bias_shape};
    return config;
  }

  std::vector<Operand> operands() {
    std::vector<Operand> all;
    for (auto& input : inputs) {
      all.push_back(input.operand(all.empty() ? &query_rows_ : &key_rows_));
    }
    return all;
  }

  Matrix<float> output() const { return {queries.total(), s.heads * s.head_dim, 1, 3}; }

  Matrix<float> run(Isa isa) {
    const OperatorPtr op = expect_made(make_attention(config(isa)));
    Matrix<float> y = output();
    if (op == nullptr) return y;
    const std::vector<Operand> all = operands();
    run_operator(*op, {all, y.operand(&query_rows_)}, 2);
    EXPECT_TRUE(y.guards_intact());
    return y;
  }

  Matrix<float> run_every_way(Isa isa) {
    const OperatorPtr op = expect_made(make_attention(config(isa)));
    if (op == nullptr) return output();
    return test::run_every_way(*op, operands(), output(), &query_rows_);
  }

  /// Compares every row with the formula: within `tolerance` of the largest value that its query
  /// sees.
  void expect_formula(const Matrix<float>& y, double tolerance) {
    std::vector<double> expected, bounds;
    for (int64_t sequence = 0; sequence < queries.count(); ++sequence) {
      for (int64_t row = queries.begin(sequence); row < queries.end(sequence); ++row) {
        for (int64_t h = 0; h < s.heads; ++h) {
          const double largest = append_expected(sequence, row, h, expected);
          bounds.insert(bounds.end(), static_cast<size_t>(s.head_dim), tolerance * largest);
        }
      }
    }
    EXPECT_TRUE(within(y, expected, bounds));
  }

  /// The operands restricted to the rows of one sequence.
  std::vector<Operand> operands_of(int64_t sequence) {
    std::vector<Operand> all = operands();
    for (size_t i = 0; i < all.size(); ++i) {
      const Sequences& rows = i == 0 ? queries : keys;
      all[i].data = all[i].f32(rows.begin(sequence));
      all[i].rows = rows.end(sequence) - rows.begin(sequence);
    }
    return all;
  }

  /// The weights of one sequence by the formula, [heads, queries, keys].
  std::vector<double> expected_weights(int64_t sequence) {
    std::vector<double> weights;
    for (int64_t h = 0; h < s.heads; ++h) {
      for (int64_t row = queries.begin(sequence); row < queries.end(sequence); ++row) {
        append_weights(sequence, row, h, weights);
      }
    }
    return weights;
  }

  AttentionShapes s;
  Sequences queries, keys;
  std::vector<Matrix<float>> inputs;
  std::vector<float> bias;

 private:
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();

  void add_input(int64_t rows, int64_t features, uint64_t seed) {
    inputs.push_back(random_matrix(rows, features, seed, s.size, 1 + inputs.size(), 3));
  }

  bool sees(int64_t position, int64_t j) const {
    if (s.causal && j > position) return false;
    if (s.window > 0 && position - s.window >= j) return false;
    if (s.window > 0 && !s.causal && j >= position + s.window) return false;
    if (s.bias_kind != "dense") return true;
    return position >= 0 && position < s.bias_shape[1] && j < s.bias_shape[2];
  }

  double bias_at(int64_t head, int64_t position, int64_t j) const {
    if (s.bias_kind == "none") return 0;
    int64_t index = 0;
    if (s.bias_kind == "relative") {
      const int64_t reach = s.bias_shape[1] / 2;
      index = head * s.bias_shape[1] + std::clamp(j - position, -reach, reach) + reach;
    } else {
      const int64_t matrix = s.bias_shape[0] == 1 ? 0 : head;
      index = (matrix * s.bias_shape[1] + position) * s.bias_shape[2] + j;
    }
    return bias[static_cast<size_t>(index)];
  }

  double score(int64_t sequence, int64_t row, int64_t head, int64_t j) {
    const int64_t query = row - queries.begin(sequence);
    const int64_t n = queries.end(sequence) - queries.begin(sequence);
    const int64_t m = keys.end(sequence) - keys.begin(sequence);
    const int64_t position = s.causal ? query + m - n : query;
    if (!sees(position, j)) return -kInfinity;
    double sum = 0;
    for (int64_t i = 0; i < s.head_dim; ++i) {
      sum += static_cast<double>(q(row, head, i)) * k(keys.begin(sequence) + j, kv_head(head), i);
    }
    sum /= std::sqrt(static_cast<double>(s.head_dim));
    if (s.soft_cap > 0) sum = s.soft_cap * std::tanh(sum / s.soft_cap);
    return sum + bias_at(head, position, j);
  }

  int64_t kv_head(int64_t head) const { return head / (s.heads / s.kv_heads); }

  /// Appends one head of one query; returns the largest |value| that it sees.
  double append_expected(int64_t sequence, int64_t row, int64_t head, std::vector<double>& all) {
    std::vector<double> scores;
    const int64_t first = keys.begin(sequence);
    for (int64_t j = first; j < keys.end(sequence); ++j) {
      scores.push_back(score(sequence, row, head, j - first));
    }
    double most = -kInfinity;
    for (const double x : scores) most = std::max(most, x);
    std::vector<double> y(static_cast<size_t>(s.head_dim), 0.0);
    double sum = 0, largest = 0;
    for (size_t j = 0; j < scores.size(); ++j) {
      if (scores[j] == -kInfinity) continue;
      const double weight = std::exp(scores[j] - most);
      sum += weight;
      for (int64_t i = 0; i < s.head_dim; ++i) {
        const double value = v(first + static_cast<int64_t>(j), kv_head(head), i);
        largest = std::max(largest, std::abs(value));
        y[static_cast<size_t>(i)] += weight * value;
      }
    }
    for (const double value : y) all.push_back(sum > 0 ? value / sum : 0.0);
    return largest;
  }

  void append_weights(int64_t sequence, int64_t row, int64_t head, std::vector<double>& all) {
    const int64_t m = keys.end(sequence) - keys.begin(sequence);
    std::vector<double> scores;
    double most = -kInfinity, sum = 0;
    for (int64_t j = 0; j < m; ++j) {
      scores.push_back(score(sequence, row, head, j));
      most = std::max(most, scores.back());
    }
    for (double& x : scores) sum += x = x == -kInfinity ? 0.0 : std::exp(x - most);
    for (const double x : scores) all.push_back(sum > 0 ? x / sum : 0.0);
  }

  RaggedRows query_rows_, key_rows_;
};

}  // namespace lanewise::ops::test
