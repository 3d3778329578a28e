#include "ops/attention/disentangled_attention.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/attention/disentangled_attention_kernels.hpp"
#include "tests/ops/op_test.hpp"

namespace lanewise::ops {
namespace {

using test::Matrix;
using test::Sequences;

// As documented: relative to the largest value that a query sees.
constexpr double kTolerance = 5e-6;

/// As the documentation says, in double precision but for the logarithms.
int64_t row_of(int64_t distance, int64_t buckets, int64_t max_distance) {
  const int64_t span = buckets > 0 ? buckets : max_distance;
  int64_t bucket = distance;
  const int64_t mid = buckets / 2;
  if (buckets > 0 && std::abs(distance) > mid) {
    const auto part = std::log(static_cast<float>(std::abs(distance)) / static_cast<float>(mid)) /
                      std::log(static_cast<float>(static_cast<double>(max_distance - 1) /
                                                  static_cast<double>(mid))) *
                      static_cast<float>(mid - 1);
    bucket = (distance < 0 ? -1 : 1) * (static_cast<int64_t>(std::ceil(part)) + mid);
  }
  return std::clamp<int64_t>(bucket + span, 0, 2 * span - 1);
}

struct Case {
  Case(int64_t heads_, int64_t head_dim_, const Sequences& of, int64_t max, int64_t with_buckets)
      : heads(heads_),
        head_dim(head_dim_),
        max_distance(max),
        buckets(with_buckets),
        sequences(of),
        q(test::random_matrix(of.total(), heads * head_dim, 1, 1.5f, 3, 1)),
        k(test::random_matrix(of.total(), heads * head_dim, 2, 1.5f, 5, 2)),
        v(test::random_matrix(of.total(), heads * head_dim, 3, 3.0f, 7, 3)),
        key_positions(table(4)),
        query_positions(table(5)) {}

  std::vector<float> table(uint64_t seed) const {
    const int64_t rows = 2 * (buckets > 0 ? buckets : max_distance);
    return test::Random(seed).floats(static_cast<size_t>(rows * heads * head_dim), 1.5f);
  }

  OperatorConfig config(Isa isa) const {
    const OperandSpec width{DataType::kF32, heads * head_dim};
    OperatorConfig config{.isa = isa, .inputs = {width, width, width}, .output = width};
    config.attributes.set("heads", heads);
    config.attributes.set("head_dim", head_dim);
    config.attributes.set("scale", scale());
    config.attributes.set("max_distance", max_distance);
    if (buckets > 0) config.attributes.set("buckets", buckets);
    const int64_t rows = 2 * (buckets > 0 ? buckets : max_distance);
    const Shape shape = {rows, heads * head_dim};
    if (with_keys) config.weights["key_positions"] = {DataType::kF32, key_positions.data(), shape};
    if (with_queries) {
      config.weights["query_positions"] = {DataType::kF32, query_positions.data(), shape};
    }
    return config;
  }

  double scale() const { return 1.0 / std::sqrt(3.0 * static_cast<double>(head_dim)); }

  double score(int64_t query, int64_t key, int64_t distance, int64_t head) const {
    const int64_t row = row_of(distance, buckets, max_distance);
    double sum = 0;
    for (int64_t a = head * head_dim; a < (head + 1) * head_dim; ++a) {
      const auto at = static_cast<size_t>(row * heads * head_dim + a);
      const double of_key = with_keys ? key_positions[at] : 0.0;
      const double of_query = with_queries ? query_positions[at] : 0.0;
      const double x = q.at(query, a);
      const double y = k.at(key, a);
      sum += x * (y + of_key) + y * of_query;
    }
    return sum * scale();
  }

  void expect_formula(const Matrix<float>& y, const int32_t* attended = nullptr) const {
    std::vector<double> expected;
    std::vector<double> bounds;
    for (int64_t s = 0; s < sequences.count(); ++s) {
      const int64_t begin = sequences.begin(s);
      const int64_t end = attended == nullptr ? sequences.end(s) : begin + attended[s];
      for (int64_t i = begin; i < sequences.end(s); ++i) {
        for (int64_t h = 0; h < heads; ++h) add_head(i, h, begin, end, expected, bounds);
      }
    }
    EXPECT_TRUE(test::within(y, expected, bounds));
  }

  Matrix<float> run(Isa isa, const RaggedRows& rows) {
    const OperatorPtr op = test::expect_made(make_disentangled_attention(config(isa)));
    Matrix<float> y(sequences.total(), heads * head_dim, 1, 2);
    if (op == nullptr) return y;
    const Operand inputs[] = {q.operand(&rows), k.operand(&rows), v.operand(&rows)};
    return test::run_every_way(*op, inputs, y, &rows);
  }

  int64_t heads;
  int64_t head_dim;
  int64_t max_distance;
  int64_t buckets;
  const Sequences& sequences;
  Matrix<float> q;
  Matrix<float> k;
  Matrix<float> v;
  std::vector<float> key_positions;
  std::vector<float> query_positions;
  bool with_keys = true;
  bool with_queries = true;

 private:
  void add_head(int64_t i, int64_t h, int64_t begin, int64_t end, std::vector<double>& expected,
                std::vector<double>& bounds) const {
    std::vector<double> y(static_cast<size_t>(head_dim));
    double sum = 0.0;
    double largest = 0.0;
    for (int64_t j = begin; j < end; ++j) {
      const double weight = std::exp(score(i, j, i - j, h));
      sum += weight;
      for (size_t d = 0; d < y.size(); ++d) {
        const double value = v.at(j, h * head_dim + static_cast<int64_t>(d));
        y[d] += weight * value;
        largest = std::max(largest, std::abs(value));
      }
    }
    for (const double value : y) {
      expected.push_back(sum == 0.0 ? 0.0 : value / sum);
      bounds.push_back(kTolerance * largest);
    }
  }
};

using DisentangledAttentionTest = test::IsaTest;

TEST_P(DisentangledAttentionTest, IsTheFormulaForEverySize) {
  const Sequences sequences{4, 1, 0, 9};
  for (const int64_t head_dim : test::sizes()) {
    if (head_dim == 0) continue;
    Case c(head_dim % 3 + 1, head_dim, sequences, 5, head_dim % 2 == 0 ? 0 : 4);
    c.with_keys = head_dim % 5 != 1;
    c.with_queries = head_dim % 5 != 2;
    c.expect_formula(c.run(isa(), sequences.rows()));
  }
}

TEST_P(DisentangledAttentionTest, FarKeysHaveTheBucketsOfLogarithms) {
  const Sequences sequences{150, 3};
  for (const int64_t buckets : {0, 7, 32}) {
    Case c(2, 18, sequences, 90, buckets);
    c.expect_formula(c.run(isa(), sequences.rows()));
  }
}

TEST_P(DisentangledAttentionTest, OnlyAttendedKeysAreSeen) {
  const Sequences sequences{5, 1, 7};
  const int32_t attended[] = {2, 1, 7};
  RaggedRows rows = sequences.rows();
  rows.attended = attended;
  Case c(2, 9, sequences, 6, 0);
  // Nothing may be read of the others.
  for (int64_t i = 0; i < c.k.features(); ++i) {
    c.k.at(3, i) = c.v.at(3, i) = std::numeric_limits<float>::quiet_NaN();
  }
  c.expect_formula(c.run(isa(), rows), attended);
}

TEST_P(DisentangledAttentionTest, HasTheSameBitsOnEveryInstructionSet) {
  const Sequences sequences{140};
  Case c(2, 21, sequences, 64, 16);
  test::expect_checksum(isa(), c.run(isa(), sequences.rows()), 0x5c8a452b94a6fa4ull);
}

TEST(DisentangledAttention, RefusesWhatDoesNotFit) {
  const Sequences sequences{2};
  const Case c(2, 4, sequences, 8, 4);
  const auto refused = [&](const char* text, auto change) {
    OperatorConfig config = c.config(Isa::baseline);
    change(config);
    test::expect_error(make_disentangled_attention(config), StatusCode::kInvalidArgument, text);
  };
  refused("'max_distance': expected 1", [](auto& o) { o.attributes.set("max_distance", 0L); });
  refused("'buckets': expected 0, or 2 to 12", [](auto& o) { o.attributes.set("buckets", 1L); });
  refused("'buckets': expected 0, or 2 to 12", [](auto& o) { o.attributes.set("buckets", 14L); });
  refused("'scale'", [](auto& o) { o.attributes.set("scale", HUGE_VAL); });
  refused("8 features, found 9", [](auto& o) { o.inputs[1].features = 9; });
  refused("8 features, found 9", [](auto& o) { o.output.features = 9; });
  refused("key_positions", [](auto& o) { o.weights.clear(); });
  refused("key_positions", [](auto& o) { o.weights["key_positions"].shape = {7, 8}; });
  refused("bias", [](auto& o) { o.weights["bias"] = o.weights["key_positions"]; });
}

LW_INSTANTIATE_FOR_ISAS(DisentangledAttentionTest, DisentangledAttentionKernels);

}  // namespace
}  // namespace lanewise::ops
