#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "ops/attention/attention_bf16_kernels.hpp"
#include "tests/ops/attention_case.hpp"
#include "tests/ops/op_test.hpp"

/// Attention with allow_bf16. With bf16 products it is compared with the formula for rounded
/// operands; otherwise it must equal that of f32.

namespace lanewise::ops {
namespace {

using test::Matrix;
using AttentionBf16Shapes = test::AttentionShapes;
using AttentionBf16Case = test::AttentionCase;

constexpr float kAttentionBf16Nan = std::numeric_limits<float>::quiet_NaN();

float rounded_to_bf16(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  return std::bit_cast<float>((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u);
}

/// Rounds the operands as the kernels do.
void round_operands(AttentionBf16Case& c) {
  const auto scale = static_cast<float>(1 / std::sqrt(static_cast<double>(c.s.head_dim)));
  const float factor = scale * 1.44269504088896340736f;
  for (int64_t i = 0; i < c.s.head_dim; ++i) {
    for (int64_t h = 0; h < c.s.heads; ++h) {
      for (int64_t row = 0; row < c.queries.total(); ++row) {
        c.q(row, h, i) = rounded_to_bf16(c.q(row, h, i) * factor) / factor;
      }
    }
    for (int64_t h = 0; h < c.s.kv_heads; ++h) {
      for (int64_t row = 0; row < c.keys.total(); ++row) {
        c.k(row, h, i) = rounded_to_bf16(c.k(row, h, i));
        c.v(row, h, i) = rounded_to_bf16(c.v(row, h, i));
      }
    }
  }
}

bool attention_bf16_same_bits(const Matrix<float>& a, int64_t a_row, const Matrix<float>& b,
                              int64_t b_row) {
  return std::memcmp(a.row(a_row), b.row(b_row),
                     static_cast<size_t>(a.features()) * sizeof(float)) == 0;
}

class AttentionBf16Test : public test::IsaTest {
 protected:
  bool rounds() const { return attention_bf16_kernels_for(isa()).attend != nullptr; }

  void check(AttentionBf16Shapes shapes) {
    shapes.allow_bf16 = true;
    AttentionBf16Case c(shapes);
    const Matrix<float> y = c.run_every_way(isa());
    if (!rounds()) {
      shapes.allow_bf16 = false;
      const Matrix<float> expected = AttentionBf16Case(shapes).run(isa());
      for (int64_t r = 0; r < y.rows(); ++r)
        EXPECT_TRUE(attention_bf16_same_bits(y, r, expected, r)) << r;
      return;
    }
    // A weight is rounded by half of 1 / 256 at most, and so is the weighted mean.
    round_operands(c);
    c.expect_formula(y, 1.0 / 500);
  }

  static std::vector<int32_t> lengths() {
    if (test::small_sizes()) return {0, 1, 2, 15, 17, 33, 0, 70};
    return {0, 1, 2, 15, 16, 17, 31, 32, 33, 0, 64, 65, 191, 192, 193, 257, 400};
  }
};

TEST_P(AttentionBf16Test, HeadSizes) {
  for (const int64_t head_dim : {1, 2, 3, 15, 20, 26, 32, 64, 80, 128}) {
    SCOPED_TRACE(head_dim);
    check({.head_dim = head_dim, .queries = {5, 0, 1, 40}});
  }
}

TEST_P(AttentionBf16Test, Lengths) {
  check({.queries = lengths()});
  check({.queries = {3, 0, 40, 1, 17}, .keys = {50, 7, 0, 201, 16}, .inputs = 2});
}

TEST_P(AttentionBf16Test, CausalAndWindow) {
  check({.queries = lengths(), .causal = true});
  for (const int64_t window : {1, 2, 17}) {
    for (const bool causal : {false, true}) {
      SCOPED_TRACE(window);
      check({.head_dim = 8, .queries = lengths(), .causal = causal, .window = window});
    }
  }
}

TEST_P(AttentionBf16Test, GroupedHeads) {
  check({.heads = 6, .kv_heads = 2, .head_dim = 10, .queries = {1, 4, 35, 70}, .causal = true});
}

TEST_P(AttentionBf16Test, Biases) {
  check({.head_dim = 8, .queries = lengths(), .bias_kind = "relative", .bias_shape = {2, 21}});
  check({.head_dim = 8,
         .queries = {1, 17, 40},
         .keys = {3, 230, 39},
         .inputs = 3,
         .bias_kind = "dense",
         .bias_shape = {1, 41, 231}});
}

TEST_P(AttentionBf16Test, NanReachesExactlyWhatSeesIt) {
  const AttentionBf16Shapes shapes{
      .queries = {10, 61}, .causal = true, .window = 20, .allow_bf16 = true};
  const Matrix<float> y = AttentionBf16Case(shapes).run(isa());
  // The first and the second of a pair of keys.
  for (const int64_t row : {10 + 24, 10 + 25}) {
    for (const float value : {kAttentionBf16Nan, std::numeric_limits<float>::infinity(), 3.4e38f}) {
      SCOPED_TRACE(::testing::Message() << row << " " << value);
      AttentionBf16Case c(shapes);
      c.v(row, 1, 4) = value;
      const Matrix<float> found = c.run(isa());
      for (int64_t r = 0; r < y.rows(); ++r) {
        const bool sees = r >= row && r < row + 20;
        EXPECT_NE(attention_bf16_same_bits(found, r, y, r), sees) << r;
        if (sees) {
          EXPECT_EQ(found.at(r, 20 + 3), y.at(r, 20 + 3)) << r;
        }
      }
    }
  }
}

TEST_P(AttentionBf16Test, SameBitsAloneAndInABatch) {
  AttentionBf16Case batch({.queries = {33, 1, 70}, .allow_bf16 = true});
  const Matrix<float> y = batch.run(isa());
  for (int64_t s = 0; s < batch.queries.count(); ++s) {
    const int64_t first = batch.queries.begin(s);
    const auto rows = static_cast<int32_t>(batch.queries.end(s) - first);
    AttentionBf16Case alone({.queries = {rows}, .allow_bf16 = true});
    for (int64_t r = 0; r < rows; ++r) {
      std::memcpy(alone.inputs[0].row(r), batch.inputs[0].row(first + r),
                  static_cast<size_t>(alone.inputs[0].features()) * sizeof(float));
    }
    const Matrix<float> found = alone.run(isa());
    for (int64_t r = 0; r < rows; ++r)
      EXPECT_TRUE(attention_bf16_same_bits(found, r, y, first + r)) << s << r;
  }
}

LW_INSTANTIATE_FOR_ISAS(AttentionBf16Test, AttentionBf16Kernels);

}  // namespace
}  // namespace lanewise::ops
