#include "ops/attention/additive_attention.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/attention/additive_attention_kernels.hpp"
#include "tests/ops/op_test.hpp"

namespace lanewise::ops {
namespace {

using test::Matrix;
using test::Sequences;

// As documented: relative to the largest value that a query sees.
constexpr double kAdditiveAttentionTolerance = 3e-6;

struct AdditiveAttentionCase {
  AdditiveAttentionCase(int64_t depth, int64_t dim, const Sequences& for_queries,
                        const Sequences& for_keys)
      : queries(for_queries),
        keys(for_keys),
        q(test::random_matrix(queries.total(), depth, 1, 2.0f, 3, 1)),
        k(test::random_matrix(keys.total(), depth, 2, 2.0f, 5, 2)),
        v(test::random_matrix(keys.total(), dim, 3, 3.0f, 7, 3)),
        weight(test::Random(4).floats(static_cast<size_t>(depth),
                                      20.0f / static_cast<float>(std::max<int64_t>(depth, 4)))) {}

  OperatorConfig config(Isa isa) const {
    OperatorConfig config{.isa = isa,
                          .inputs = {{DataType::kF32, q.features()},
                                     {DataType::kF32, k.features()},
                                     {DataType::kF32, v.features()}},
                          .output = {DataType::kF32, v.features()}};
    config.weights["weight"] = {DataType::kF32, weight.data(), {q.features()}};
    return config;
  }

  void expect_formula(const Matrix<float>& y) const {
    std::vector<double> expected;
    std::vector<double> bounds;
    for (int64_t s = 0; s < queries.count(); ++s) {
      for (int64_t i = queries.begin(s); i < queries.end(s); ++i) add_row(s, i, expected, bounds);
    }
    EXPECT_TRUE(test::within(y, expected, bounds));
  }

  const Sequences& queries;
  const Sequences& keys;
  Matrix<float> q;
  Matrix<float> k;
  Matrix<float> v;
  std::vector<float> weight;

 private:
  void add_row(int64_t s, int64_t i, std::vector<double>& expected,
               std::vector<double>& bounds) const {
    std::vector<double> y(static_cast<size_t>(v.features()));
    double sum = 0.0;
    double largest = 0.0;
    for (int64_t j = keys.begin(s); j < keys.end(s); ++j) {
      double score = 0.0;
      for (int64_t a = 0; a < q.features(); ++a) {
        score += weight[static_cast<size_t>(a)] *
                 std::tanh(static_cast<double>(q.at(i, a)) + static_cast<double>(k.at(j, a)));
      }
      sum += std::exp(score);
      for (size_t d = 0; d < y.size(); ++d) {
        const double value = v.at(j, static_cast<int64_t>(d));
        y[d] += std::exp(score) * value;
        largest = std::max(largest, std::abs(value));
      }
    }
    for (const double value : y) {
      expected.push_back(sum == 0.0 ? 0.0 : value / sum);
      bounds.push_back(kAdditiveAttentionTolerance * largest);
    }
  }
};

using AdditiveAttentionTest = test::IsaTest;

TEST_P(AdditiveAttentionTest, IsTheFormulaForEverySize) {
  const Sequences queries{2, 1, 0, 3};
  const Sequences keys{4, 9, 2, 1};
  const RaggedRows rows = queries.rows();
  const RaggedRows memory = keys.rows();
  for (const int64_t depth : test::sizes()) {
    if (depth == 0) continue;
    AdditiveAttentionCase c(depth, (depth * 5) % 37 + 1, queries, keys);
    const OperatorPtr op = test::expect_made(make_additive_attention(c.config(isa())));
    ASSERT_NE(op, nullptr);
    const Operand inputs[] = {c.q.operand(&rows), c.k.operand(&memory), c.v.operand(&memory)};
    c.expect_formula(
        test::run_every_way(*op, inputs, Matrix<float>(6, c.v.features(), 1, 2), &rows));
  }
}

TEST_P(AdditiveAttentionTest, ManyKeysByTablesAndWithout) {
  const Sequences queries{2, 1};
  const Sequences keys{300, 128};
  const RaggedRows rows = queries.rows();
  const RaggedRows memory = keys.rows();
  AdditiveAttentionCase c(20, 18, queries, keys);
  const OperatorPtr op = test::expect_made(make_additive_attention(c.config(isa())));
  ASSERT_NE(op, nullptr);
  Operand inputs[] = {c.q.operand(&rows), c.k.operand(&memory), c.v.operand(&memory)};
  const Matrix<float> y = test::run_every_way(*op, inputs, Matrix<float>(3, 18), &rows);
  c.expect_formula(y);

  std::vector<int32_t> numbers(428);
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int32_t>(i);
  const int32_t* tables[] = {numbers.data(), numbers.data() + 300};
  const int32_t lengths[] = {300, 128};
  const RowTables by_tables{tables, lengths, 2};
  for (Operand* operand : {&inputs[1], &inputs[2]}) {
    operand->ragged = nullptr;
    operand->tables = &by_tables;
  }
  Matrix<float> again(3, 18);
  test::run_operator(*op, {inputs, again.operand(&rows)}, 2, true);
  EXPECT_EQ(test::checksum(y), test::checksum(again));
}

TEST_P(AdditiveAttentionTest, NoKeysGiveZerosAndNaNStaysInItsSequence) {
  const Sequences queries{1, 1, 1};
  const Sequences keys{0, 2, 2};
  const RaggedRows rows = queries.rows();
  const RaggedRows memory = keys.rows();
  AdditiveAttentionCase c(5, 4, queries, keys);
  c.k.at(0, 2) = std::numeric_limits<float>::quiet_NaN();
  const OperatorPtr op = test::expect_made(make_additive_attention(c.config(isa())));
  ASSERT_NE(op, nullptr);
  const Operand inputs[] = {c.q.operand(&rows), c.k.operand(&memory), c.v.operand(&memory)};
  const Matrix<float> y = test::run_every_way(*op, inputs, Matrix<float>(3, 4), &rows);
  for (int64_t i = 0; i < 4; ++i) {
    EXPECT_EQ(y.at(0, i), 0.0f);
    EXPECT_TRUE(std::isnan(y.at(1, i)));
    EXPECT_TRUE(std::isfinite(y.at(2, i)));
  }
}

TEST_P(AdditiveAttentionTest, HasTheSameBitsOnEveryInstructionSet) {
  const Sequences queries{3};
  const Sequences keys{150};
  const RaggedRows rows = queries.rows();
  const RaggedRows memory = keys.rows();
  AdditiveAttentionCase c(21, 19, queries, keys);
  const OperatorPtr op = test::expect_made(make_additive_attention(c.config(isa())));
  ASSERT_NE(op, nullptr);
  const Operand inputs[] = {c.q.operand(&rows), c.k.operand(&memory), c.v.operand(&memory)};
  Matrix<float> y(3, 19);
  test::run_operator(*op, {inputs, y.operand(&rows)});
  test::expect_checksum(isa(), y, 0x2ef6b7a3abf2f2ecull);
}

TEST_P(AdditiveAttentionTest, RefusesWhatDoesNotFit) {
  const Sequences one{1};
  const AdditiveAttentionCase c(8, 6, one, one);
  const auto refused = [&](auto change, std::string_view text) {
    OperatorConfig config = c.config(isa());
    change(config);
    test::expect_error(make_additive_attention(config), StatusCode::kInvalidArgument, text);
  };
  refused([](OperatorConfig& config) { config.inputs[1].features = 7; }, "k: expected 8");
  refused([](OperatorConfig& config) { config.output.features = 8; }, "output: expected 6");
  refused([](OperatorConfig& config) { config.inputs.pop_back(); }, "inputs");
  refused([](OperatorConfig& config) { config.weights.clear(); }, "'weight' is missing");
  refused([](OperatorConfig& config) { config.weights["weight"].shape = {1, 8}; }, "'weight'");
  refused([](OperatorConfig& config) { config.attributes.set("scale", 1.0); }, "scale");
}

LW_INSTANTIATE_FOR_ISAS(AdditiveAttentionTest, AdditiveAttentionKernels);

}  // namespace
}  // namespace lanewise::ops
