#include "ops/attention/cached_attention.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <numeric>

#include "ops/attention/cached_attention_kernels.hpp"
#include "tests/ops/attention_case.hpp"
#include "tests/ops/op_test.hpp"

namespace lanewise::ops {
namespace {

using test::AttentionCase;
using test::AttentionShapes;
using test::Matrix;

// As documented: relative to the largest value that a query sees.
constexpr double kCachedAttentionTolerance = 3e-6;

/// Rows of a cache for each sequence, scattered.
class Tables {
 public:
  Tables(const std::vector<int32_t>& lengths, uint64_t seed)
      : rows_(lengths.size()), lengths_(lengths.size()) {
    slots_ = std::accumulate(lengths.begin(), lengths.end(), 0) + 3;
    std::vector<int32_t> order(static_cast<size_t>(slots_));
    std::iota(order.begin(), order.end(), 0);
    test::Random random(seed);
    for (int32_t i = slots_ - 1; i > 0; --i) {
      std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(random.below(i + 1))]);
    }
    auto next = order.begin();
    for (size_t s = 0; s < lengths.size(); ++s) {
      rows_[s].assign(next, next + lengths[s]);
      next += lengths[s];
      pointers_.push_back(rows_[s].data());
    }
  }
  Tables(const Tables&) = delete;

  int32_t slots() const { return slots_; }
  int32_t row(size_t sequence, int32_t i) const { return rows_[sequence][static_cast<size_t>(i)]; }
  /// Tables of the first lengths[s] rows.
  RowTables first(const std::vector<int32_t>& lengths) {
    lengths_ = lengths;
    return {pointers_.data(), lengths_.data(), static_cast<int64_t>(lengths_.size())};
  }

 private:
  std::vector<std::vector<int32_t>> rows_;
  std::vector<const int32_t*> pointers_;
  std::vector<int32_t> lengths_;
  int32_t slots_ = 0;
};

AttentionShapes to_memory(std::vector<int32_t> queries, std::vector<int32_t> keys) {
  AttentionShapes shapes;
  shapes.queries = std::move(queries);
  shapes.keys = std::move(keys);
  shapes.inputs = 2;
  return shapes;
}

/// The operands of a case: its queries, and its keys and values in scattered rows.
class Scattered {
 public:
  explicit Scattered(AttentionCase& c)
      : tables_(c.s.keys, 9), table_(tables_.first(c.s.keys)), ragged_(c.queries.rows()) {
    operands_.push_back(c.inputs[0].operand(&ragged_));
    memory_.reserve(2);
    for (size_t i = 1; i < c.inputs.size(); ++i) {
      memory_.emplace_back(tables_.slots(), c.inputs[i].features(), 1, 2);
      for (size_t s = 0; s < c.s.keys.size(); ++s) {
        for (int32_t j = 0; j < c.s.keys[s]; ++j) {
          std::memcpy(memory_.back().row(tables_.row(s, j)),
                      c.inputs[i].row(c.keys.begin(static_cast<int64_t>(s)) + j),
                      static_cast<size_t>(c.inputs[i].features()) * sizeof(float));
        }
      }
      operands_.push_back(memory_.back().operand());
      operands_.back().tables = &table_;
    }
  }
  Scattered(const Scattered&) = delete;

  const std::vector<Operand>& operands() const { return operands_; }
  const RaggedRows* ragged() const { return &ragged_; }

 private:
  Tables tables_;
  RowTables table_;
  RaggedRows ragged_;
  std::vector<Matrix<float>> memory_;
  std::vector<Operand> operands_;
};

Matrix<float> attend(AttentionCase& c, Isa isa) {
  const OperatorPtr op = test::expect_made(make_cached_attention(c.config(isa)));
  if (op == nullptr) return c.output();
  const Scattered scattered(c);
  return test::run_every_way(*op, scattered.operands(), c.output(), scattered.ragged());
}

using CachedAttentionTest = test::IsaTest;

TEST_P(CachedAttentionTest, IsTheFormula) {
  for (const int64_t head_dim : {1, 16, 20, 26, 32, 64, 80, 128}) {
    AttentionShapes shapes = to_memory({1, 2, 5}, {5, 1, 33});
    shapes.head_dim = head_dim;
    AttentionCase c(shapes);
    c.expect_formula(attend(c, isa()), kCachedAttentionTolerance);
  }
}

TEST_P(CachedAttentionTest, KeysAndValuesOfTwoInputs) {
  AttentionShapes shapes = to_memory({1, 2}, {17, 5});
  shapes.inputs = 3;
  AttentionCase c(shapes);
  c.expect_formula(attend(c, isa()), kCachedAttentionTolerance);
}

/// Heads pass together over the rows of the memory, at most kCachedHeads; groups stay together if
/// possible.
TEST_P(CachedAttentionTest, MoreHeadsThanPassTogether) {
  struct Heads {
    int64_t heads;
    int64_t kv_heads;
  };
  for (const auto& [heads, kv_heads] : {Heads{9, 9}, {12, 4}, {12, 1}, {20, 2}, {16, 8}}) {
    SCOPED_TRACE(::testing::Message() << heads << " heads, " << kv_heads << " of keys");
    AttentionShapes shapes = to_memory({1, 1, 3}, {2, 21, 9});
    shapes.heads = heads;
    shapes.kv_heads = kv_heads;
    AttentionCase c(shapes);
    c.expect_formula(attend(c, isa()), kCachedAttentionTolerance);
  }
}

TEST_P(CachedAttentionTest, SoftCaps) {
  for (const double cap : {0.3, 2.0, 50.0}) {
    AttentionShapes shapes = to_memory({1, 2}, {2, 40});
    shapes.soft_cap = cap;
    AttentionCase c(shapes);
    c.expect_formula(attend(c, isa()), kCachedAttentionTolerance);
  }
}

TEST_P(CachedAttentionTest, MoreKeysThanABlock) {
  AttentionCase c(to_memory({2, 1}, {static_cast<int32_t>(kKeyBlock) + 9, 3}));
  c.expect_formula(attend(c, isa()), kCachedAttentionTolerance);
}

TEST_P(CachedAttentionTest, FiniteFeaturesBesideNanKeepTheirBits) {
  const AttentionShapes shapes = to_memory({1, 1}, {3, static_cast<int32_t>(kKeyBlock) + 40});
  AttentionCase clean(shapes);
  AttentionCase c(shapes);
  c.v(7, 0, 4) = std::numeric_limits<float>::quiet_NaN();
  const Matrix<float> expected = attend(clean, isa());
  const Matrix<float> y = attend(c, isa());
  for (int64_t row = 0; row < y.rows(); ++row) {
    for (int64_t i = 0; i < y.features(); ++i) {
      if (row == 1 && i == 4) {
        EXPECT_TRUE(std::isnan(y.at(row, i)));
      } else {
        ASSERT_EQ(y.at(row, i), expected.at(row, i)) << row << " " << i;
      }
    }
  }
}

TEST_P(CachedAttentionTest, AKeyWithoutWeightAddsNothing) {
  AttentionCase c(to_memory({1}, {6}));
  for (int64_t i = 0; i < c.s.head_dim; ++i) {
    c.q(0, 0, i) = 40.0f;
    for (int64_t row = 0; row < 6; ++row) c.k(row, 0, i) = row == 2 ? -40.0f : 0.0f;
    c.v(2, 0, i) = std::numeric_limits<float>::quiet_NaN();
  }
  const Matrix<float> y = attend(c, isa());
  for (int64_t i = 0; i < 2 * c.s.head_dim; ++i) EXPECT_TRUE(std::isfinite(y.at(0, i))) << i;
}

TEST_P(CachedAttentionTest, GivesTheSameBitsOnEveryInstructionSet) {
  AttentionShapes shapes = to_memory({1, 2}, {3, 230});
  shapes.head_dim = 40;
  AttentionCase c(shapes);
  test::expect_checksum(isa(), attend(c, isa()), 0x264f8e402976c0b8);
}

TEST_P(CachedAttentionTest, RefusesWhatDoesNotFit) {
  const AttentionCase c(to_memory({1}, {2}));
  const auto refuse = [&](auto change, std::string_view text) {
    OperatorConfig config = c.config(isa());
    change(config);
    test::expect_error(make_cached_attention(config), StatusCode::kInvalidArgument, text);
  };
  refuse([](OperatorConfig& config) { config.inputs.back().features += 1; }, "features");
  refuse([](OperatorConfig& config) { config.inputs.resize(1); }, "2 or 3 inputs");
  refuse([](OperatorConfig& config) { config.attributes.set("causal", true); }, "causal");
  refuse([](OperatorConfig& config) { config.attributes.set("window", int64_t{3}); }, "window");
  refuse([](OperatorConfig& config) { config.attributes.set("heads", int64_t{3}); }, "heads");
}

LW_INSTANTIATE_FOR_ISAS(CachedAttentionTest, CachedAttentionKernels);

}  // namespace
}  // namespace lanewise::ops
