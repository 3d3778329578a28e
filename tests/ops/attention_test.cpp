#include "ops/attention/attention.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "ops/attention/attention_kernels.hpp"
#include "tests/ops/attention_case.hpp"
#include "tests/ops/op_test.hpp"

namespace lanewise::ops {
namespace {

using test::Matrix;
using AttentionShapes = test::AttentionShapes;
using AttentionCase = test::AttentionCase;

/// Relative to the largest value that a query sees, as documented in ops/attention/attention.hpp.
constexpr double kAttentionTolerance = 3e-6;
constexpr float kAttentionInf = std::numeric_limits<float>::infinity();
constexpr float kAttentionNan = std::numeric_limits<float>::quiet_NaN();

class AttentionTest : public test::IsaTest {
 protected:
  void check(const AttentionShapes& shapes) {
    AttentionCase c(shapes);
    c.expect_formula(c.run(isa()), kAttentionTolerance);
  }
  /// Around the sizes of vectors, tiles and blocks.
  static std::vector<int32_t> lengths() {
    if (test::small_sizes()) return {0, 1, 2, 15, 17, 33, 0, 70};
    return {0, 1, 2, 15, 16, 17, 31, 32, 33, 0, 64, 65, 100, 191, 192, 193, 257, 400};
  }
};

bool attention_same_bits(const Matrix<float>& a, int64_t a_row, const Matrix<float>& b,
                         int64_t b_row) {
  return std::memcmp(a.row(a_row), b.row(b_row),
                     static_cast<size_t>(a.features()) * sizeof(float)) == 0;
}

/// Rows that differ between two runs.
std::vector<int64_t> changed_rows(const Matrix<float>& a, const Matrix<float>& b) {
  std::vector<int64_t> rows;
  for (int64_t r = 0; r < a.rows(); ++r) {
    if (!attention_same_bits(a, r, b, r)) rows.push_back(r);
  }
  return rows;
}

TEST_P(AttentionTest, HeadSizes) {
  for (const int64_t head_dim : {1, 3, 20, 26, 32, 64, 80, 128}) {
    SCOPED_TRACE(head_dim);
    AttentionShapes shapes{.head_dim = head_dim, .queries = {5, 0, 1, 40}};
    if (!test::small_sizes()) shapes.queries.push_back(200);
    check(shapes);
  }
}

TEST_P(AttentionTest, Lengths) {
  AttentionCase c({.queries = lengths()});
  c.expect_formula(c.run_every_way(isa()), kAttentionTolerance);
}

TEST_P(AttentionTest, LargeScores) { check({.queries = {33, 100}, .size = 4.0f}); }

TEST_P(AttentionTest, Causal) {
  check({.queries = lengths(), .causal = true});
  check({.kv_heads = 1,
         .queries = {3, 40, 1, 1, 7, 0},
         .keys = {50, 40, 210, 1, 3, 9},
         .inputs = 2,
         .causal = true});
}

TEST_P(AttentionTest, Window) {
  for (const int64_t window : {1, 2, 16, 40, 1000}) {
    for (const bool causal : {false, true}) {
      SCOPED_TRACE(std::to_string(window) + (causal ? " causal" : ""));
      check({.heads = 1,
             .kv_heads = 1,
             .head_dim = 8,
             .queries = lengths(),
             .causal = causal,
             .window = window});
    }
  }
}

TEST_P(AttentionTest, Cross) {
  for (const int inputs : {2, 3}) {
    SCOPED_TRACE(inputs);
    check({.queries = {3, 0, 40, 1, 17}, .keys = {50, 7, 0, 200, 16}, .inputs = inputs});
  }
}

TEST_P(AttentionTest, GroupedHeads) {
  for (const int64_t kv_heads : {1, 2, 3}) {
    for (const bool causal : {false, true}) {
      SCOPED_TRACE(kv_heads);
      check({.heads = 6,
             .kv_heads = kv_heads,
             .head_dim = 10,
             .queries = {1, 4, 35, 70},
             .causal = causal});
    }
  }
}

TEST_P(AttentionTest, SoftCap) {
  for (const double cap : {0.3, 2.0, 50.0}) {
    SCOPED_TRACE(cap);
    check({.queries = {1, 4, 35, 70}, .causal = true, .window = 9, .soft_cap = cap});
    check({.queries = {3, 60}, .soft_cap = cap, .bias_kind = "relative", .bias_shape = {2, 7}});
  }
  AttentionCase c({.queries = {3}, .soft_cap = -1});
  test::expect_error(make_attention(c.config(isa())), StatusCode::kInvalidArgument, "'soft_cap'");
}

TEST_P(AttentionTest, RelativeBias) {
  for (const int64_t reach : {0, 3, 40, 300}) {
    for (const bool causal : {false, true}) {
      SCOPED_TRACE(reach);
      check({.head_dim = 8,
             .queries = lengths(),
             .causal = causal,
             .bias_kind = "relative",
             .bias_shape = {2, 2 * reach + 1}});
    }
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

TEST_P(AttentionTest, DenseBias) {
  AttentionShapes shapes{.head_dim = 8,
                         .queries = {1, 17, 40},
                         .keys = {3, 230, 39},
                         .inputs = 3,
                         .bias_kind = "dense"};
  for (const Shape& shape : {Shape{2, 40, 230}, Shape{1, 41, 231}, Shape{2, 20, 37}}) {
    SCOPED_TRACE(to_string(shape));
    shapes.bias_shape = shape;
    check(shapes);
  }
}

TEST_P(AttentionTest, DenseBiasOfMinusInfinityHides) {
  AttentionCase c(
      {.head_dim = 8, .queries = {20}, .bias_kind = "dense", .bias_shape = {1, 20, 20}});
  for (size_t i = 0; i < c.bias.size(); ++i) {
    if (i % 20 > i / 20 || i / 20 == 7)
      c.bias[i] = -kAttentionInf;  // causal, and row 7 sees nothing
  }
  const Matrix<float> y = c.run(isa());
  c.expect_formula(y, kAttentionTolerance);
  for (int64_t i = 0; i < 16; ++i) EXPECT_EQ(y.at(7, i), 0.0f);
  c.v(19, 1, 3) = kAttentionNan;
  EXPECT_EQ(changed_rows(c.run(isa()), y), std::vector<int64_t>{19});
}

TEST_P(AttentionTest, RowsThatSeeNothingAreZero) {
  AttentionCase c({.queries = {30, 5}, .keys = {20, 0}, .inputs = 2, .causal = true});
  c.v(0, 0, 0) = kAttentionInf;
  c.k(1, 1, 2) = kAttentionNan;
  const Matrix<float> y = c.run(isa());
  for (const int64_t row : {0, 5, 9, 30, 34}) {
    for (int64_t i = 0; i < y.features(); ++i) EXPECT_EQ(y.at(row, i), 0.0f) << row << " " << i;
  }
  EXPECT_EQ(y.at(10, 0), kAttentionInf);
}

TEST_P(AttentionTest, NanReachesExactlyWhatSeesIt) {
  const AttentionShapes shapes{.queries = {10, 60, 9}, .causal = true, .window = 20};
  constexpr int64_t kRow = 10 + 25;
  const Matrix<float> y = AttentionCase(shapes).run(isa());
  std::vector<int64_t> after(20);
  std::iota(after.begin(), after.end(), kRow);
  for (const float value : {kAttentionNan, kAttentionInf}) {
    AttentionCase c(shapes);
    c.v(kRow, 1, 4) = value;
    const Matrix<float> found = c.run(isa());
    EXPECT_EQ(changed_rows(found, y), after);
    for (const int64_t r : after) {
      EXPECT_EQ(std::isnan(found.at(r, 20 + 4)), std::isnan(value));
      EXPECT_EQ(found.at(r, 20 + 3), y.at(r, 20 + 3));
    }
  }
  AttentionCase k(shapes);
  k.k(kRow, 0, 0) = kAttentionNan;
  const Matrix<float> of_key = k.run(isa());
  EXPECT_EQ(changed_rows(of_key, y), after);
  for (const int64_t r : after) EXPECT_TRUE(std::isnan(of_key.at(r, 19)));
  AttentionCase q(shapes);
  q.q(kRow, 0, 7) = kAttentionNan;
  EXPECT_EQ(changed_rows(q.run(isa()), y), std::vector<int64_t>{kRow});
}

/// In the first block of keys, whose sums begin at 0, and in one that continues earlier sums.
TEST_P(AttentionTest, NanChangesNoBitBesideItAcrossSeveralBlocks) {
  const AttentionShapes shapes{.queries = {3}, .keys = {450}, .inputs = 2};
  const Matrix<float> y = AttentionCase(shapes).run(isa());
  for (const int64_t key : {100, 250}) {
    AttentionCase c(shapes);
    c.v(key, 1, 4) = kAttentionNan;
    const Matrix<float> found = c.run(isa());
    for (int64_t r = 0; r < 3; ++r) {
      for (int64_t i = 0; i < y.features(); ++i) {
        if (i == 20 + 4) {
          EXPECT_TRUE(std::isnan(found.at(r, i)));
        } else {
          EXPECT_EQ(found.at(r, i), y.at(r, i)) << r << " " << i;
        }
      }
    }
  }
}

TEST_P(AttentionTest, InfiniteScores) {
  AttentionCase c(
      {.heads = 1, .kv_heads = 1, .head_dim = 2, .queries = {2}, .keys = {3}, .inputs = 3});
  for (int64_t j = 0; j < 3; ++j) {
    for (int64_t i = 0; i < 2; ++i) c.q(j % 2, 0, i) = c.k(j, 0, i) = 1.0f;
  }
  c.k(1, 0, 0) = -kAttentionInf;
  c.v(1, 0, 0) = kAttentionNan;
  EXPECT_NEAR(c.run(isa()).at(0, 0), 0.5f * (c.v(0, 0, 0) + c.v(2, 0, 0)), 1e-6f);
  c.k(1, 0, 0) = kAttentionInf;
  EXPECT_TRUE(std::isnan(c.run(isa()).at(0, 1)));
  for (int64_t j = 0; j < 3; ++j) c.k(j, 0, 0) = -kAttentionInf;
  EXPECT_EQ(c.run(isa()).at(0, 1), 0.0f);
}

TEST_P(AttentionTest, SameBitsInEveryBatchAndCut) {
  AttentionShapes shapes{.heads = 4,
                         .kv_heads = 2,
                         .queries = lengths(),
                         .bias_kind = "relative",
                         .bias_shape = {4, 11}};
  for (const bool causal : {true, false}) {
    shapes.causal = causal;
    AttentionCase batch(shapes);
    const Matrix<float> y = batch.run_every_way(isa());
    for (size_t s = 0; s < shapes.queries.size(); ++s) {
      AttentionShapes one = shapes;
      one.queries = {shapes.queries[s]};
      AttentionCase alone(one);
      const int64_t first = batch.queries.begin(static_cast<int64_t>(s));
      for (int64_t r = 0; r < alone.inputs[0].rows(); ++r) {
        std::memcpy(alone.inputs[0].row(r), batch.inputs[0].row(first + r),
                    static_cast<size_t>(y.features()) * 2 * sizeof(float));
      }
      const Matrix<float> found = alone.run(isa());
      for (int64_t r = 0; r < found.rows(); ++r) {
        EXPECT_TRUE(attention_same_bits(found, r, y, first + r)) << s << " " << r;
      }
    }
  }
}

TEST_P(AttentionTest, SameBitsOfAQueryWhateverTheOthers) {
  AttentionCase many({.queries = {40}, .keys = {200}, .inputs = 2});
  const Matrix<float> y = many.run(isa());
  for (const int64_t row : {0, 17, 39}) {
    AttentionCase one({.queries = {1}, .keys = {200}, .inputs = 2});
    for (int64_t i = 0; i < 40; ++i) one.q(0, 0, i) = many.q(row, 0, i);
    EXPECT_TRUE(attention_same_bits(one.run(isa()), 0, y, row)) << row;
  }
}

/// Windows of 100 keys: that of the first query begins in the first block of keys, that of the last
/// one in the second. Windows of 185 keys: each is shorter than a block, all together are longer.
TEST_P(AttentionTest, SameBitsOfAWindowWhateverTheOtherQueries) {
  constexpr int32_t kQueries = 40;
  constexpr int32_t kKeys = 300;
  for (const int32_t window : {100, 185}) {
    AttentionShapes shapes{
        .queries = {kQueries}, .keys = {kKeys}, .inputs = 2, .causal = true, .window = window};
    AttentionCase many(shapes);
    const Matrix<float> y = many.run(isa());
    for (const int32_t row : {0, 17, 25, kQueries - 1}) {
      shapes.queries = {1};
      shapes.keys = {kKeys - kQueries + row + 1};
      AttentionCase one(shapes);
      std::memcpy(one.inputs[0].row(0), many.inputs[0].row(row), 40 * sizeof(float));
      for (int32_t j = 0; j < shapes.keys[0]; ++j) {
        std::memcpy(one.inputs[1].row(j), many.inputs[1].row(j), 80 * sizeof(float));
      }
      EXPECT_TRUE(attention_same_bits(one.run(isa()), 0, y, row)) << window << " " << row;
    }
  }
}

TEST_P(AttentionTest, SameBitsOnEveryIsaWithFma) {
  AttentionCase c({.heads = 4,
                   .kv_heads = 2,
                   .head_dim = 26,
                   .queries = {1, 40, 70},
                   .keys = {201, 40, 9},
                   .inputs = 3,
                   .causal = true,
                   .bias_kind = "relative",
                   .bias_shape = {4, 11}});
  test::expect_checksum(isa(), c.run(isa()), 0x7650f915accd08db);
}

TEST_P(AttentionTest, PiecesAreInOrderOfCostAndEnough) {
  AttentionCase c({.heads = 12, .kv_heads = 12, .head_dim = 64, .queries = {16, 512, 0, 128}});
  const OperatorPtr op = test::expect_made(make_attention(c.config(isa())));
  const std::vector<Operand> inputs = c.operands();
  const Operands operands{inputs, {}};
  std::vector<Piece> pieces(1);
  op->cut(operands, 4, pieces);
  EXPECT_GE(pieces.size(), 25u);
  EXPECT_LE(pieces.size(), 100u);
  EXPECT_EQ(pieces[1].begin / 12, 1);      // the longest sequence
  EXPECT_EQ(pieces.back().begin / 12, 0);  // the shortest
  const double pairs = 16.0 * 16 + 512.0 * 512 + 128.0 * 128;
  EXPECT_EQ(op->flops(operands), 4.0 * 64 * 12 * pairs);
}

/// Runs are cancelled between pieces, so none may take long, also on one thread.
TEST(AttentionPieces, OfLongSequencesAreShortAndWithinTheirLimit) {
  AttentionCase c({.heads = 4, .kv_heads = 4, .head_dim = 64, .queries = {4096}});
  const OperatorPtr op = test::expect_made(make_attention(c.config(Isa::baseline)));
  const std::vector<Operand> inputs = c.operands();
  const Operands operands{inputs, {}};
  std::vector<Piece> pieces;
  op->cut(operands, 1, pieces);
  EXPECT_LE(static_cast<int64_t>(pieces.size()), op->most_pieces(1).of(4096, 1));
  int64_t queries = 0;
  for (const Piece& piece : pieces) {
    const int64_t of_piece =
        int64_t{piece.end - piece.begin} * int64_t{piece.other_end - piece.other_begin};
    EXPECT_LE(of_piece * 4096 * 2 * 64, int64_t{1} << 28);
    queries += of_piece;
  }
  EXPECT_EQ(queries, 4 * 4096);
}

LW_INSTANTIATE_FOR_ISAS(AttentionTest, AttentionKernels);

TEST(AttentionChecks, SayWhatIsWrong) {
  const AttentionCase good({.heads = 4, .kv_heads = 2, .head_dim = 8, .queries = {3}});
  const auto expect = [&](const char* name, const Attribute& value, std::string_view text) {
    OperatorConfig config = good.config(Isa::baseline);
    config.attributes.set(name, value);
    test::expect_error(make_attention(config), StatusCode::kInvalidArgument, text);
  };
  EXPECT_TRUE(make_attention(good.config(Isa::baseline)).ok());
  expect("heads", int64_t{0}, "heads");
  expect("kv_heads", int64_t{3}, "divisor");
  expect("head_dim", int64_t{9}, "features");
  expect("window", int64_t{-1}, "window");
  expect("scale", double{kAttentionInf}, "scale");
  expect("bias_kind", std::string("alibi"), "relative");
  expect("bias_kind", std::string("dense"), "missing");
  expect("rotary", true, "rotary");
}

TEST(AttentionChecks, SayWhatIsWrongWithOperands) {
  const AttentionCase good({.heads = 4, .kv_heads = 2, .head_dim = 8, .queries = {3}});
  const std::vector<float> bias(4 * 6);
  OperatorConfig config = good.config(Isa::baseline);
  config.weights["bias"] = {DataType::kF32, bias.data(), {4, 6}};
  test::expect_error(make_attention(config), StatusCode::kInvalidArgument, "bias");
  config.attributes.set("bias_kind", std::string("relative"));
  test::expect_error(make_attention(config), StatusCode::kInvalidArgument, "2 * R + 1");
  config = good.config(Isa::baseline);
  config.inputs.resize(4);
  test::expect_error(make_attention(config), StatusCode::kInvalidArgument, "inputs");
}

}  // namespace
}  // namespace lanewise::ops
