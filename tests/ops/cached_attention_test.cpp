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
constexpr double kTolerance = 3e-6;

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

OperatorConfig config_of(const AttentionCase& c, Isa isa, bool append) {
  OperatorConfig config = c.config(isa);
  config.attributes.set("append", append);
  if (append) config.inputs.push_back({DataType::kF32, 2 * c.s.kv_heads * c.s.head_dim});
  return config;
}

/// Rows [begin[s], end[s]) of each sequence of a matrix, packed.
Matrix<float> rows_of(const Matrix<float>& from, const test::Sequences& sequences,
                      const std::vector<int32_t>& begin, const std::vector<int32_t>& end) {
  int64_t count = 0;
  for (size_t s = 0; s < begin.size(); ++s) count += end[s] - begin[s];
  Matrix<float> to(count, from.features(), 2, 5);
  int64_t next = 0;
  for (size_t s = 0; s < begin.size(); ++s) {
    for (int32_t i = begin[s]; i < end[s]; ++i, ++next) {
      std::memcpy(to.row(next), from.row(sequences.begin(static_cast<int64_t>(s)) + i),
                  static_cast<size_t>(from.features()) * sizeof(float));
    }
  }
  return to;
}

/// Processes a causal case in steps of `step` tokens, and returns all outputs.
Matrix<float> decode(AttentionCase& c, Isa isa, int32_t step, int threads) {
  Matrix<float> all = c.output();
  const OperatorPtr op = test::expect_made(make_cached_attention(config_of(c, isa, true)));
  if (op == nullptr) return all;
  Tables tables(c.s.queries, 5);
  Matrix<float> cache(tables.slots(), 2 * c.s.kv_heads * c.s.head_dim, 3, 1);
  const std::vector<int32_t>& lengths = c.s.queries;
  std::vector<int32_t> done(lengths.size(), 0);
  for (int32_t most = step; done != lengths; most += step) {
    std::vector<int32_t> end(lengths.size());
    std::vector<int32_t> counts(lengths.size());
    for (size_t s = 0; s < lengths.size(); ++s) {
      end[s] = std::min(most, lengths[s]);
      counts[s] = end[s] - done[s];
    }
    const test::Sequences fresh{std::span<const int32_t>(counts)};
    const RaggedRows ragged = fresh.rows();
    std::vector<Matrix<float>> inputs;
    std::vector<Operand> operands;
    for (const auto& input : c.inputs) inputs.push_back(rows_of(input, c.queries, done, end));
    for (auto& input : inputs) operands.push_back(input.operand(&ragged));
    const RowTables table = tables.first(end);
    operands.push_back(cache.operand());
    operands.back().tables = &table;
    Matrix<float> y(fresh.total(), all.features(), 1, 3);
    test::run_operator(*op, {operands, y.operand(&ragged)}, threads, most % 2 == 0);
    EXPECT_TRUE(y.guards_intact());
    int64_t next = 0;
    for (size_t s = 0; s < lengths.size(); ++s) {
      for (int32_t i = done[s]; i < end[s]; ++i, ++next) {
        std::memcpy(all.row(c.queries.begin(static_cast<int64_t>(s)) + i), y.row(next),
                    static_cast<size_t>(y.features()) * sizeof(float));
      }
    }
    done = end;
  }
  EXPECT_TRUE(cache.guards_intact());
  return all;
}

AttentionShapes causal(std::vector<int32_t> lengths) {
  AttentionShapes shapes;
  shapes.queries = std::move(lengths);
  shapes.causal = true;
  return shapes;
}

using CachedAttentionTest = test::IsaTest;

TEST_P(CachedAttentionTest, TokenByTokenIsTheFormula) {
  for (const int64_t head_dim : {1, 16, 20, 26, 32, 64, 80, 128}) {
    AttentionShapes shapes = causal({5, 1, 33});
    shapes.head_dim = head_dim;
    AttentionCase c(shapes);
    c.expect_formula(decode(c, isa(), 1, 2), kTolerance);
  }
}

TEST_P(CachedAttentionTest, SeveralTokensAtOnce) {
  AttentionCase c(causal({1, 7, 20}));
  c.expect_formula(decode(c, isa(), 3, 1), kTolerance);
}

TEST_P(CachedAttentionTest, AStepsLengthChangesNoBit) {
  AttentionCase c(causal({4, 25}));
  const uint64_t one = test::checksum(decode(c, isa(), 1, 1));
  EXPECT_EQ(one, test::checksum(decode(c, isa(), 4, 2)));
  EXPECT_EQ(one, test::checksum(decode(c, isa(), 25, 3)));
}

TEST_P(CachedAttentionTest, ASequencesBitsAreItsOwn) {
  AttentionCase both(causal({9, 30}));
  const Matrix<float> together = decode(both, isa(), 1, 2);
  AttentionCase alone(causal({9}));
  for (int64_t r = 0; r < 9; ++r) {
    std::memcpy(alone.inputs[0].row(r), both.inputs[0].row(r),
                static_cast<size_t>(both.inputs[0].features()) * sizeof(float));
  }
  const Matrix<float> y = decode(alone, isa(), 1, 1);
  for (int64_t r = 0; r < 9; ++r) {
    EXPECT_EQ(
        std::memcmp(y.row(r), together.row(r), static_cast<size_t>(y.features()) * sizeof(float)),
        0);
  }
}

TEST_P(CachedAttentionTest, GroupedHeadsAndEveryFormOfOperands) {
  for (const int inputs : {1, 2, 3}) {
    AttentionShapes shapes = causal({3, 18});
    shapes.heads = 6;
    shapes.kv_heads = 2;
    shapes.inputs = inputs;
    shapes.keys = shapes.queries;
    AttentionCase c(shapes);
    c.expect_formula(decode(c, isa(), 1, 2), kTolerance);
  }
}

/// Heads pass together over the rows of the cache, at most kCachedHeads; groups stay together if
/// possible.
TEST_P(CachedAttentionTest, MoreHeadsThanPassTogether) {
  struct Heads {
    int64_t heads;
    int64_t kv_heads;
  };
  for (const auto& [heads, kv_heads] : {Heads{9, 9}, {12, 4}, {12, 1}, {20, 2}, {16, 8}}) {
    SCOPED_TRACE(::testing::Message() << heads << " heads, " << kv_heads << " of keys");
    AttentionShapes shapes = causal({2, 21});
    shapes.heads = heads;
    shapes.kv_heads = kv_heads;
    shapes.head_dim = 20;
    shapes.bias_kind = "relative";
    shapes.bias_shape = {heads, 2 * 9 + 1};
    AttentionCase c(shapes);
    const Matrix<float> y = decode(c, isa(), 1, 2);
    c.expect_formula(y, kTolerance);
    EXPECT_EQ(test::checksum(y), test::checksum(decode(c, isa(), 7, 3)));
  }
}

TEST_P(CachedAttentionTest, WindowsAndRelativeBias) {
  AttentionShapes shapes = causal({2, 40});
  shapes.window = 7;
  shapes.bias_kind = "relative";
  shapes.bias_shape = {2, 2 * 9 + 1};
  AttentionCase c(shapes);
  c.expect_formula(decode(c, isa(), 1, 1), kTolerance);
}

TEST_P(CachedAttentionTest, SoftCaps) {
  for (const double cap : {0.3, 2.0, 50.0}) {
    AttentionShapes shapes = causal({2, 40});
    shapes.soft_cap = cap;
    AttentionCase c(shapes);
    c.expect_formula(decode(c, isa(), 1, 1), kTolerance);
    shapes.bias_kind = "relative";
    shapes.bias_shape = {2, 2 * 9 + 1};
    AttentionCase biased(shapes);
    biased.expect_formula(decode(biased, isa(), 3, 1), kTolerance);
  }
}

TEST_P(CachedAttentionTest, MoreKeysThanABlock) {
  AttentionShapes shapes = causal({static_cast<int32_t>(kKeyBlock) + 9});
  shapes.heads = shapes.kv_heads = 1;
  AttentionCase c(shapes);
  c.expect_formula(decode(c, isa(), 50, 1), kTolerance);
}

/// Biases that reach across a block of keys or end within it, with or without a window.
AttentionShapes several_blocks(int64_t reach, int64_t window) {
  AttentionShapes shapes = causal({3, static_cast<int32_t>(kKeyBlock) + 60});
  shapes.head_dim = 40;
  shapes.window = window;
  shapes.bias_kind = "relative";
  shapes.bias_shape = {2, 2 * reach + 1};
  return shapes;
}

TEST_P(CachedAttentionTest, BiasesAndWindowsAcrossSeveralBlocks) {
  for (const int64_t reach : {9, 250}) {
    for (const int64_t window : {0, 100}) {
      SCOPED_TRACE(::testing::Message() << "reach " << reach << ", window " << window);
      AttentionCase c(several_blocks(reach, window));
      c.expect_formula(decode(c, isa(), 97, 2), kTolerance);
    }
  }
}

/// A query updates its largest score at block boundaries, whatever it sees of the block: the bits
/// would reveal another position.
TEST_P(CachedAttentionTest, AWindowsBitsAreThoseOfItsKeysBlocks) {
  AttentionCase c(several_blocks(250, 100));
  test::expect_checksum(isa(), decode(c, isa(), 97, 1), 0x9ac83646fe5d7415);
}

TEST_P(CachedAttentionTest, FiniteFeaturesBesideNanKeepTheirBits) {
  const AttentionShapes shapes = causal({3, static_cast<int32_t>(kKeyBlock) + 40});
  AttentionCase clean(shapes);
  AttentionCase c(shapes);
  c.v(7, 0, 4) = std::numeric_limits<float>::quiet_NaN();
  const Matrix<float> expected = decode(clean, isa(), 50, 1);
  const Matrix<float> y = decode(c, isa(), 50, 1);
  for (int64_t row = 0; row < y.rows(); ++row) {
    for (int64_t i = 0; i < y.features(); ++i) {
      if (row >= 7 && i == 4) {
        EXPECT_TRUE(std::isnan(y.at(row, i))) << row;
      } else {
        ASSERT_EQ(y.at(row, i), expected.at(row, i)) << row << " " << i;
      }
    }
  }
}

TEST_P(CachedAttentionTest, AKeyWithoutWeightAddsNothing) {
  AttentionCase c(causal({6}));
  for (int64_t i = 0; i < c.s.head_dim; ++i) {
    for (int64_t row = 0; row < 6; ++row) {
      c.q(row, 0, i) = 40.0f;
      c.k(row, 0, i) = row == 2 ? -40.0f : 0.0f;  // its score is far below all others
    }
    c.v(2, 0, i) = std::numeric_limits<float>::quiet_NaN();
  }
  const Matrix<float> y = decode(c, isa(), 1, 1);
  for (int64_t i = 0; i < c.s.head_dim; ++i) {
    EXPECT_TRUE(std::isfinite(y.at(5, i))) << i;
    EXPECT_TRUE(std::isfinite(y.at(5, c.s.head_dim + i))) << "the other head, " << i;
  }
}

TEST_P(CachedAttentionTest, NanReachesTheRowsThatWeighIt) {
  AttentionCase c(causal({4}));
  c.v(1, 0, 3) = std::numeric_limits<float>::quiet_NaN();
  const Matrix<float> y = decode(c, isa(), 1, 1);
  EXPECT_TRUE(std::isfinite(y.at(0, 3)));
  for (int64_t row = 1; row < 4; ++row) EXPECT_TRUE(std::isnan(y.at(row, 3))) << row;
  EXPECT_TRUE(std::isfinite(y.at(3, 4)));
}

/// Queries to a memory that two sequences share and to one of a single sequence.
TEST_P(CachedAttentionTest, MemoryIsReadByTables) {
  for (const int inputs : {2, 3}) {
    AttentionShapes shapes;
    shapes.inputs = inputs;
    shapes.queries = {1, 2};
    shapes.keys = {17, 5};
    AttentionCase c(shapes);
    const OperatorPtr op = test::expect_made(make_cached_attention(config_of(c, isa(), false)));
    ASSERT_NE(op, nullptr);
    Tables tables(shapes.keys, 9);
    const RowTables table = tables.first(shapes.keys);
    const RaggedRows ragged = c.queries.rows();
    std::vector<Operand> operands{c.inputs[0].operand(&ragged)};
    std::vector<Matrix<float>> scattered;
    for (size_t i = 1; i < c.inputs.size(); ++i) {
      scattered.emplace_back(tables.slots(), c.inputs[i].features(), 1, 2);
      for (size_t s = 0; s < 2; ++s) {
        for (int32_t j = 0; j < shapes.keys[s]; ++j) {
          std::memcpy(scattered.back().row(tables.row(s, j)),
                      c.inputs[i].row(c.keys.begin(static_cast<int64_t>(s)) + j),
                      static_cast<size_t>(c.inputs[i].features()) * sizeof(float));
        }
      }
    }
    for (auto& memory : scattered) {
      operands.push_back(memory.operand());
      operands.back().tables = &table;
    }
    c.expect_formula(test::run_every_way(*op, operands, c.output(), &ragged), kTolerance);
  }
}

TEST_P(CachedAttentionTest, GivesTheSameBitsOnEveryInstructionSet) {
  AttentionShapes shapes = causal({3, 30});
  shapes.head_dim = 40;
  AttentionCase c(shapes);
  test::expect_checksum(isa(), decode(c, isa(), 1, 1), 0x4cb1db05ebb17a63);
}

TEST_P(CachedAttentionTest, RefusesWhatDoesNotFit) {
  const AttentionCase c(causal({2}));
  const auto refuse = [&](auto change, std::string_view text) {
    OperatorConfig config = config_of(c, isa(), true);
    change(config);
    test::expect_error(make_cached_attention(config), StatusCode::kInvalidArgument, text);
  };
  refuse([](OperatorConfig& config) { config.inputs.back().features += 1; }, "cache");
  refuse([](OperatorConfig& config) { config.inputs.resize(1); }, "2 to 4 inputs");
  refuse([](OperatorConfig& config) { config.attributes.set("causal", false); }, "causal");
  refuse([](OperatorConfig& config) { config.attributes.set("heads", int64_t{3}); }, "heads");
}

LW_INSTANTIATE_FOR_ISAS(CachedAttentionTest, CachedAttentionKernels);

}  // namespace
}  // namespace lanewise::ops
