#include "ops/attention/attention_weights.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/ops/attention_case.hpp"
#include "tests/ops/op_test.hpp"

namespace lanewise::ops {
namespace {

using AttentionWeightsShapes = test::AttentionShapes;
using AttentionWeightsCase = test::AttentionCase;

/// As documented in ops/attention/attention_weights.hpp.
constexpr double kAttentionWeightsTolerance = 1e-6;
constexpr float kAttentionWeightsInf = std::numeric_limits<float>::infinity();
constexpr float kAttentionWeightsNan = std::numeric_limits<float>::quiet_NaN();

AttentionWeights make(const AttentionWeightsCase& c) {
  Result<AttentionWeights> made = AttentionWeights::create(c.config(Isa::baseline));
  EXPECT_TRUE(made.ok()) << made.status().message();
  return std::move(made).value();
}

/// The weights of a sequence, [heads, queries, keys].
std::vector<float> weights_of(AttentionWeightsCase& c, int64_t sequence) {
  const std::vector<Operand> inputs = c.operands_of(sequence);
  const int64_t keys = c.keys.end(sequence) - c.keys.begin(sequence);
  std::vector<float> weights(static_cast<size_t>(c.s.heads * inputs[0].rows * keys),
                             kAttentionWeightsNan);
  make(c).compute(inputs, weights.data());
  return weights;
}

void check(const AttentionWeightsShapes& shapes) {
  AttentionWeightsCase c(shapes);
  for (int64_t sequence = 0; sequence < c.queries.count(); ++sequence) {
    const std::vector<float> found = weights_of(c, sequence);
    const std::vector<double> expected = c.expected_weights(sequence);
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i) {
      ASSERT_NEAR(found[i], expected[i], kAttentionWeightsTolerance)
          << "sequence " << sequence << ", " << i;
      ASSERT_EQ(found[i] == 0.0f, expected[i] == 0.0) << "sequence " << sequence << ", " << i;
    }
  }
}

/// Sums of the rows of a sequence, [heads * queries].
std::vector<double> row_sums(AttentionWeightsCase& c, int64_t sequence) {
  const std::vector<float> weights = weights_of(c, sequence);
  const auto keys = static_cast<size_t>(c.keys.end(sequence) - c.keys.begin(sequence));
  std::vector<double> sums(weights.size() / keys);
  for (size_t i = 0; i < weights.size(); ++i) sums[i / keys] += static_cast<double>(weights[i]);
  return sums;
}

TEST(AttentionWeights, OfASequenceToItself) {
  for (const int64_t head_dim : {1, 3, 20, 64}) {
    SCOPED_TRACE(head_dim);
    check({.head_dim = head_dim, .queries = {5, 0, 1, 40}});
  }
}

TEST(AttentionWeights, LargeScores) { check({.queries = {33}, .size = 4.0f}); }

TEST(AttentionWeights, Cross) {
  for (const int inputs : {2, 3}) {
    SCOPED_TRACE(inputs);
    check({.queries = {3, 0, 40, 1, 17}, .keys = {50, 7, 0, 60, 16}, .inputs = inputs});
  }
}

TEST(AttentionWeights, Causal) {
  check({.queries = {1, 2, 33}, .causal = true});
  check({.kv_heads = 1, .queries = {3, 7, 1}, .keys = {50, 3, 1}, .inputs = 2, .causal = true});
}

TEST(AttentionWeights, Window) {
  for (const int64_t window : {1, 2, 16, 1000}) {
    for (const bool causal : {false, true}) {
      SCOPED_TRACE(std::to_string(window) + (causal ? " causal" : ""));
      check({.queries = {1, 2, 33}, .causal = causal, .window = window});
    }
  }
}

TEST(AttentionWeights, SoftCap) { check({.queries = {1, 35}, .causal = true, .soft_cap = 1.5}); }

TEST(AttentionWeights, GroupedHeads) {
  for (const int64_t kv_heads : {1, 2, 3}) {
    check({.heads = 6, .kv_heads = kv_heads, .head_dim = 10, .queries = {1, 35}, .causal = true});
  }
}

TEST(AttentionWeights, RelativeBias) {
  for (const int64_t reach : {0, 3, 40}) {
    SCOPED_TRACE(reach);
    check({.queries = {3, 60}, .bias_kind = "relative", .bias_shape = {2, 2 * reach + 1}});
  }
  check({.heads = 4,
         .kv_heads = 2,
         .queries = {3, 1, 20},
         .keys = {30, 220, 20},
         .inputs = 3,
         .causal = true,
         .bias_kind = "relative",
         .bias_shape = {4, 21}});
}

TEST(AttentionWeights, DenseBias) {
  for (const Shape& shape : {Shape{2, 40, 50}, Shape{1, 41, 51}, Shape{2, 20, 37}}) {
    SCOPED_TRACE(to_string(shape));
    check({.queries = {1, 17, 40},
           .keys = {3, 50, 39},
           .inputs = 3,
           .bias_kind = "dense",
           .bias_shape = shape});
  }
}

TEST(AttentionWeights, RowsSumToOne) {
  AttentionWeightsCase c({.queries = {70}, .causal = true, .window = 20});
  for (const double sum : row_sums(c, 0)) EXPECT_NEAR(sum, 1.0, kAttentionWeightsTolerance);
}

TEST(AttentionWeights, RowsThatSeeNothingAreZero) {
  AttentionWeightsCase c({.queries = {30}, .keys = {20}, .inputs = 2, .causal = true});
  const std::vector<double> sums = row_sums(c, 0);
  for (size_t row = 0; row < sums.size(); ++row) {
    EXPECT_NEAR(sums[row], row % 30 < 10 ? 0.0 : 1.0, kAttentionWeightsTolerance) << row;
  }
  AttentionWeightsCase hidden({.queries = {4}, .bias_kind = "dense", .bias_shape = {1, 4, 4}});
  for (size_t j = 0; j < 4; ++j) hidden.bias[2 * 4 + j] = -kAttentionWeightsInf;
  EXPECT_EQ(row_sums(hidden, 0)[2], 0.0);
  EXPECT_NEAR(row_sums(hidden, 0)[3], 1.0, kAttentionWeightsTolerance);
}

TEST(AttentionWeights, NanReachesTheRowsThatSeeIt) {
  AttentionWeightsCase c({.queries = {6}, .causal = true});
  c.k(3, 1, 0) = kAttentionWeightsNan;
  const std::vector<double> sums = row_sums(c, 0);
  for (size_t row = 0; row < sums.size(); ++row) {
    EXPECT_EQ(std::isnan(sums[row]), row >= 6 + 3) << row;
  }
  AttentionWeightsCase infinite({.heads = 1, .kv_heads = 1, .head_dim = 1, .queries = {2}});
  infinite.q(0, 0, 0) = infinite.q(1, 0, 0) = 1.0f;
  infinite.k(1, 0, 0) = kAttentionWeightsInf;
  EXPECT_TRUE(std::isnan(row_sums(infinite, 0)[0]));
  infinite.k(1, 0, 0) = -kAttentionWeightsInf;
  EXPECT_EQ(weights_of(infinite, 0), (std::vector<float>{1.0f, 0.0f, 1.0f, 0.0f}));
}

TEST(AttentionWeights, TheScaleIsTheAttributes) {
  AttentionWeightsCase c({.queries = {4}});
  OperatorConfig config = c.config(Isa::baseline);
  config.attributes.set("scale", 0.0);
  std::vector<float> weights(2 * 4 * 4, kAttentionWeightsNan);
  AttentionWeights::create(config)->compute(c.operands_of(0), weights.data());
  EXPECT_EQ(weights, std::vector<float>(2 * 4 * 4, 0.25f));
}

TEST(AttentionWeights, ChecksAsTheOperatorDoes) {
  OperatorConfig config = AttentionWeightsCase({.queries = {3}}).config(Isa::baseline);
  config.attributes.set("kv_heads", int64_t{3});
  const Status status = AttentionWeights::create(config).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("kv_heads"), std::string::npos);
}

}  // namespace
}  // namespace lanewise::ops
