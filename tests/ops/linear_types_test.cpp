#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "ops/linear/linear.hpp"
#include "ops/weights/bf16/bf16_kernels.hpp"
#include "ops/weights/i4/i4_kernels.hpp"
#include "ops/weights/i8/i8_kernels.hpp"
#include "tests/ops/activation_reference.hpp"
#include "tests/ops/linear_layers.hpp"
#include "tests/ops/op_test.hpp"
#include "tests/ops/quantized_row.hpp"

/// Linear layers with low-precision weights.

namespace lanewise::ops {
namespace {

using test::ceil_div;
using test::config_of;
using test::I4Layer;
using test::I8Layer;
using test::Matrix;
using test::quantize;
using test::QuantizedRow;
using test::random_i8;

/// a * b + c as `isa` computes it.
float multiply_add(Isa isa, float a, float b, float c) {
  return isa == Isa::baseline ? a * b + c : std::fma(a, b, c);
}

/// Kernels may differ in only one rounding of an 8-bit product: integers are exact.
void expect_exact(I8Layer& layer, Matrix<float>& x, Isa isa) {
  SCOPED_TRACE(::testing::Message() << x.rows() << " x " << layer.k << " -> " << layer.n);
  const OperatorPtr op = test::expect_made(make_linear(layer.config(isa)));
  ASSERT_NE(op, nullptr);
  const std::vector<Operand> inputs{x.operand()};
  const Matrix<float> y = test::run_every_way(*op, inputs, Matrix<float>(x.rows(), layer.n));
  for (int64_t r = 0; r < x.rows(); ++r) {
    const QuantizedRow row = quantize(&x.at(r, 0), layer.k);
    for (int64_t o = 0; o < layer.n; ++o) {
      int64_t sum = 0;
      for (int64_t i = 0; i < layer.k; ++i) {
        sum += row.q[static_cast<size_t>(i)] * layer.w[static_cast<size_t>(o * layer.k + i)];
      }
      const float w_scale = layer.scale[static_cast<size_t>(o)];
      const float total = w_scale * static_cast<float>(layer.sums[static_cast<size_t>(o)]);
      const float rest = multiply_add(isa, row.shift, total, 0.0f);
      const float expected = multiply_add(isa, static_cast<float>(sum), row.scale * w_scale, rest);
      ASSERT_EQ(y.at(r, o), expected) << "row " << r << " feature " << o;
    }
  }
}

class LinearI8Test : public test::IsaTest {};

TEST_P(LinearI8Test, IntegersAreExactForAllSmallSizes) {
  for (int64_t k = 1; k <= 130; ++k) {
    I8Layer layer = random_i8(k, 1 + k % 35, static_cast<uint64_t>(k));
    Matrix<float> x = test::random_matrix(1 + k % 14, k, 7);
    expect_exact(layer, x, isa());
  }
}

TEST_P(LinearI8Test, IntegersAreExactAtTheExtremes) {
  for (const int64_t k : {1, 3, 4, 64, 65, 4096, 16384}) {
    for (const int w : {-128, -127, 127}) {
      // Rows of one sign are all -128 or all 127; mixed ones have both, and a sum of differences.
      for (const float first : {-1.0f, 1.0f}) {
        for (const float second : {-1.0f, 1.0f}) {
          I8Layer layer{
              .k = k,
              .n = 17,
              .w = std::vector<int8_t>(static_cast<size_t>(17 * k), static_cast<int8_t>(w)),
              .scale = std::vector<float>(17, 0.5f)};
          Matrix<float> x(3, k);
          for (int64_t r = 0; r < 3; ++r) {
            for (int64_t i = 0; i < k; ++i) x.at(r, i) = i % 2 == 0 ? first : second;
          }
          expect_exact(layer, x, isa());
        }
      }
    }
  }
}

/// Too few rows to give every thread some, and enough weights to share: threads share the panels.
void expect_cut_by_panels(const Operator& op, Matrix<float>& x, Matrix<float>& y) {
  const std::vector<Operand> inputs{x.operand()};
  std::vector<Piece> pieces;
  op.cut({inputs, y.operand()}, 3, pieces);
  ASSERT_EQ(pieces.size(), 3u);
  for (const Piece& piece : pieces) EXPECT_EQ(piece.begin, 0);
  EXPECT_GT(pieces.back().other_begin, 0);
}

TEST_P(LinearI8Test, IntegersAreExactWhereThreadsSharePanels) {
  I8Layer layer = random_i8(512, 200, 21);
  Matrix<float> x = test::random_matrix(3, 512, 22);
  Matrix<float> y(3, 200);
  const OperatorPtr op = test::expect_made(make_linear(layer.config(isa())));
  ASSERT_NE(op, nullptr);
  expect_cut_by_panels(*op, x, y);
  expect_exact(layer, x, isa());
}

TEST_P(LinearI8Test, FactorsOfInputsMultiplyBeforeTheRounding) {
  I8Layer layer = random_i8(37, 20, 5);
  Matrix<float> x = test::random_matrix(5, 37, 8);
  const std::vector<float> factors = test::Random(9).floats(37);
  Matrix<float> scaled(5, 37);
  for (int64_t r = 0; r < 5; ++r) {
    for (int64_t i = 0; i < 37; ++i) {
      scaled.at(r, i) = x.at(r, i) * factors[static_cast<size_t>(i)];
    }
  }
  OperatorConfig config = layer.config(isa());
  const OperatorPtr plain = test::expect_made(make_linear(config));
  config.weights["input_scale"] = {DataType::kF32, factors.data(), {37}};
  const OperatorPtr op = test::expect_made(make_linear(config));
  ASSERT_TRUE(plain != nullptr && op != nullptr);
  const Matrix<float> y = test::run_every_way(*op, std::vector{x.operand()}, Matrix<float>(5, 20));
  const Matrix<float> expected =
      test::run_every_way(*plain, std::vector{scaled.operand()}, Matrix<float>(5, 20));
  for (int64_t r = 0; r < 5; ++r) {
    for (int64_t o = 0; o < 20; ++o) EXPECT_EQ(y.at(r, o), expected.at(r, o));
  }
}

TEST_P(LinearI8Test, ARowOfZerosIsZeroAndOneWithNaNIsNaN) {
  I8Layer layer = random_i8(33, 18, 6);
  Matrix<float> x = test::random_matrix(3, 33, 8);
  for (int64_t i = 0; i < 33; ++i) x.at(0, i) = 0.0f;
  x.at(1, 5) = std::numeric_limits<float>::quiet_NaN();
  const OperatorPtr op = test::expect_made(make_linear(layer.config(isa())));
  ASSERT_NE(op, nullptr);
  const Matrix<float> y = test::run_every_way(*op, std::vector{x.operand()}, Matrix<float>(3, 18));
  for (int64_t o = 0; o < 18; ++o) {
    EXPECT_EQ(y.at(0, o), 0.0f);
    EXPECT_TRUE(std::isnan(y.at(1, o)));
    EXPECT_TRUE(std::isfinite(y.at(2, o)));
  }
}

TEST_P(LinearI8Test, ARangeOnOneSideOfZeroHasAllTheSteps) {
  // Numbers in [0, 1], as after ReLU: half a step is 1 / 510 and not 1 / 254.
  constexpr int64_t kInputs = 256;
  I8Layer layer{.k = kInputs,
                .n = kInputs,
                .w = std::vector<int8_t>(static_cast<size_t>(kInputs * kInputs)),
                .scale = std::vector<float>(static_cast<size_t>(kInputs), 1.0f)};
  for (int64_t i = 0; i < kInputs; ++i) layer.w[static_cast<size_t>(i * kInputs + i)] = 1;
  Matrix<float> x(2, kInputs);
  for (int64_t i = 0; i < kInputs; ++i) {
    x.at(0, i) = static_cast<float>(i) / (kInputs - 1);
    x.at(1, i) = -x.at(0, i);
  }
  const OperatorPtr op = test::expect_made(make_linear(layer.config(isa())));
  ASSERT_NE(op, nullptr);
  const Matrix<float> y =
      test::run_every_way(*op, std::vector{x.operand()}, Matrix<float>(2, kInputs));
  for (int64_t r = 0; r < 2; ++r) {
    for (int64_t i = 0; i < kInputs; ++i) EXPECT_NEAR(y.at(r, i), x.at(r, i), 1.001 / 510);
  }
}

TEST_P(LinearI8Test, RowsOfHugeAndTinyNumbersKeepTheirSize) {
  I8Layer layer{.k = 2, .n = 2, .w = {127, 0, 0, 127}, .scale = {1.0f / 127, 1.0f / 127}};
  Matrix<float> x(3, 2);
  x.at(0, 0) = 3e38f;  // their difference is infinite
  x.at(0, 1) = -3e38f;
  x.at(1, 0) = 1e-35f;
  x.at(1, 1) = -1e-35f;
  x.at(2, 0) = std::numeric_limits<float>::denorm_min();
  x.at(2, 1) = 0.0f;
  const OperatorPtr op = test::expect_made(make_linear(layer.config(isa())));
  ASSERT_NE(op, nullptr);
  const Matrix<float> y = test::run_every_way(*op, std::vector{x.operand()}, Matrix<float>(3, 2));
  for (int64_t r = 0; r < 2; ++r) {
    for (int64_t i = 0; i < 2; ++i) EXPECT_NEAR(y.at(r, i) / x.at(r, i), 1.0f, 0.01f);
  }
  EXPECT_EQ(y.at(2, 0), 0.0f);
}

struct NarrowActivation {
  const char* name;
  double error;  // of max(1, |x|)
};

constexpr NarrowActivation kActivations[] = {
    {"gelu", 2.6e-5},     {"gelu_tanh", 2.2e-5}, {"silu", 1e-6},       {"relu", 5e-7},
    {"tanh", 1e-6},       {"gelu_10", 2.6e-5},   {"mish", 1e-6},       {"relu6", 5e-7},
    {"leaky_relu", 5e-7}, {"hard_swish", 1e-6},  {"quick_gelu", 1e-6}, {"sigmoid", 1e-6},
};

TEST_P(LinearI8Test, ActivationsAreAsExactAsStated) {
  // One input and a weight of 1: the activation's argument is x up to f32's roundings.
  I8Layer layer{.k = 1, .n = 17, .w = std::vector<int8_t>(17, 1), .scale = {}};
  layer.scale.assign(17, 1.0f);
  const int64_t steps = test::small_sizes() ? 300 : 20000;
  Matrix<float> x(steps + 5, 1);
  for (int64_t i = 0; i < steps; ++i) {
    x.at(i, 0) = -12.0f + 24.0f * static_cast<float>(i) / static_cast<float>(steps);
  }
  constexpr float kOutside[] = {0.0f, 200.0f, -200.0f, 1e30f, -1e30f};
  for (int64_t i = 0; i < 5; ++i) x.at(steps + i, 0) = kOutside[i];
  for (const NarrowActivation& activation : kActivations) {
    OperatorConfig config = layer.config(isa());
    config.attributes = {{"activation", std::string(activation.name)}};
    const OperatorPtr op = test::expect_made(make_linear(config));
    ASSERT_NE(op, nullptr);
    const Matrix<float> y =
        test::run_every_way(*op, std::vector{x.operand()}, Matrix<float>(x.rows(), layer.n));
    for (int64_t r = 0; r < x.rows(); ++r) {
      const double value = x.at(r, 0);
      const double bound = activation.error * std::max(1.0, std::abs(value));
      ASSERT_NEAR(y.at(r, 16), test::activate(activation.name, value), bound)
          << activation.name << " of " << value;
    }
  }
}

/// The sum of more products of up to 128 * 128 would overflow 32 bits.
TEST_P(LinearI8Test, RefusesMoreInputsThanAddUpExactly) {
  for (const int64_t k : {131'071, 131'072}) {
    I8Layer layer{
        .k = k, .n = 1, .w = std::vector<int8_t>(static_cast<size_t>(k)), .scale = {1.0f}};
    const Result<OperatorPtr> made = make_linear(layer.config(isa()));
    if (k == 131'071) {
      EXPECT_TRUE(made.ok()) << made.status().message();
    } else {
      test::expect_error(made, StatusCode::kUnsupported, "the most are 131071");
    }
  }
}

TEST_P(LinearI8Test, RefusesRolesThatDoNotFit) {
  I8Layer layer = random_i8(8, 4, 1);
  OperatorConfig config = layer.config(isa());
  config.weights.erase("weight_sum");
  test::expect_error(make_linear(config), StatusCode::kInvalidArgument, "weight_sum");
  config = layer.config(isa());
  config.weights["weight_minimum"] = config.weights["weight_scale"];
  test::expect_error(make_linear(config), StatusCode::kInvalidArgument, "weight_minimum");
}

LW_INSTANTIATE_FOR_ISAS(LinearI8Test, LinearI8Kernels);

class LinearI4Test : public test::IsaTest {
 protected:
  void check(int64_t rows, int64_t k, int64_t n, int64_t group, bool minimums, bool extreme) {
    SCOPED_TRACE(::testing::Message() << rows << " x " << k << " -> " << n << " group " << group
                                      << (minimums ? " minimums" : ""));
    I4Layer layer = test::random_i4(k, n, group, minimums, static_cast<uint64_t>(k * 1000 + n));
    if (extreme) std::fill(layer.u.begin(), layer.u.end(), uint8_t{15});
    Matrix<float> x = test::random_matrix(rows, k, 3);
    if (extreme) {
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t i = 0; i < k; ++i) x.at(r, i) = r % 2 == 0 ? 1.0f : -1.0f;
      }
    }
    const OperatorPtr op = test::expect_made(make_linear(layer.config(isa())));
    ASSERT_NE(op, nullptr);
    const Matrix<float> y =
        test::run_every_way(*op, std::vector{x.operand()}, Matrix<float>(rows, n));
    expect_near(layer, x, y);
  }

  static void expect_near(const I4Layer& layer, const Matrix<float>& x, const Matrix<float>& y) {
    for (int64_t r = 0; r < x.rows(); ++r) {
      const QuantizedRow row = quantize(&x.at(r, 0), layer.k);
      for (int64_t o = 0; o < layer.n; ++o) {
        double sum = 0;
        double magnitude = 0;
        for (int64_t i = 0; i < layer.k; ++i) {
          const double scale = layer.scale[layer.place(o, i)];
          const double minimum =
              layer.minimum.empty() ? -8 * scale : double{layer.minimum[layer.place(o, i)]};
          const double u = layer.u[static_cast<size_t>(o * layer.k + i)];
          const double q = double{row.scale} * static_cast<double>(row.q[static_cast<size_t>(i)]);
          sum += layer.weight(o, i) * (q + double{row.shift});
          magnitude += (std::abs(scale * u) + std::abs(minimum)) *
                       (std::abs(q) + std::abs(double{row.shift}));
        }
        ASSERT_NEAR(y.at(r, o), sum, 3e-7 * magnitude + 1e-30) << "row " << r << " feature " << o;
      }
    }
  }
};

TEST_P(LinearI4Test, MatchesADoubleReference) {
  for (const int64_t group : {32, 64, 128}) {
    for (const int64_t k : {1, 7, 8, 31, 32, 33, 65, 130, 257}) {
      for (const bool minimums : {false, true})
        check(1 + k % 7, k, 1 + k % 37, group, minimums, false);
    }
  }
  check(13, 384, 48, 32, true, false);
}

TEST_P(LinearI4Test, MatchesADoubleReferenceWhereThreadsSharePanels) {
  I4Layer layer = test::random_i4(512, 200, 64, false, 23);
  Matrix<float> x = test::random_matrix(3, 512, 24);
  Matrix<float> y(3, 200);
  const OperatorPtr op = test::expect_made(make_linear(layer.config(isa())));
  ASSERT_NE(op, nullptr);
  expect_cut_by_panels(*op, x, y);
  for (const bool minimums : {false, true}) check(3, 512, 200, 64, minimums, false);
}

TEST_P(LinearI4Test, SumsOfTheLargestProductsFit) {
  for (const bool minimums : {false, true}) check(2, 512, 17, 128, minimums, true);
}

/// Sums of groups are exact integers, and the rest is the same chain of multiply-adds. One case per
/// group size, with and without minimums.
TEST_P(LinearI4Test, GivesTheSameBitsOnEveryInstructionSet) {
  constexpr int64_t kFeatures = 19;
  Matrix<float> all(2 * 130, kFeatures);
  for (int64_t k = 1; k <= 130; ++k) {
    for (const bool minimums : {false, true}) {
      I4Layer layer = test::random_i4(k, kFeatures, 32, minimums, static_cast<uint64_t>(k));
      Matrix<float> x = test::random_matrix(1, k, 3);
      const OperatorPtr op = test::expect_made(make_linear(layer.config(isa())));
      ASSERT_NE(op, nullptr);
      const Matrix<float> y =
          test::run_every_way(*op, std::vector{x.operand()}, Matrix<float>(1, kFeatures));
      for (int64_t o = 0; o < kFeatures; ++o) {
        all.at(2 * (k - 1) + (minimums ? 1 : 0), o) = y.at(0, o);
      }
    }
  }
  test::expect_checksum(isa(), all, 0x7df53586ab2fdd6e);
}

TEST_P(LinearI4Test, RefusesGroupsThatDoNotDivide) {
  I4Layer layer{.k = 64,
                .n = 16,
                .group = 32,
                .u = std::vector<uint8_t>(64 * 16),
                .scale = std::vector<float>(32),
                .minimum = {}};
  OperatorConfig config = layer.config(isa());
  const std::vector<float> scale(48);
  config.weights["weight_scale"] = {DataType::kF32, scale.data(), {1, 3, 16}};
  test::expect_error(make_linear(config), StatusCode::kInvalidArgument, "weight_scale");
  config = layer.config(isa());
  config.weights.erase("weight_sum");
  test::expect_error(make_linear(config), StatusCode::kInvalidArgument, "weight_sum");
}

LW_INSTANTIATE_FOR_ISAS(LinearI4Test, LinearI4Kernels);

uint16_t to_bf16(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
double from_bf16(uint16_t x) { return std::bit_cast<float>(static_cast<uint32_t>(x) << 16); }

class LinearBf16Test : public test::IsaTest {};

TEST_P(LinearBf16Test, MatchesADoubleReference) {
  const bool rounds = kernels_isa<LinearBf16Kernels>(isa()) == Isa::avx512bf16;
  for (const int64_t k : {1, 2, 3, 16, 17, 31, 64, 130, 1537}) {
    for (const int64_t n : {1, 16, 33, 70}) {
      SCOPED_TRACE(::testing::Message() << k << " -> " << n);
      const std::vector<float> w = test::Random(4).floats(static_cast<size_t>(k * n));
      const int64_t steps = ceil_div(k, 2);
      std::vector<uint16_t> panels(static_cast<size_t>(ceil_div(n, 16) * steps * 32));
      for (int64_t o = 0; o < n; ++o) {
        for (int64_t i = 0; i < k; ++i) {
          panels[static_cast<size_t>(((o / 16 * steps + i / 2) * 16 + o % 16) * 2 + i % 2)] =
              to_bf16(w[static_cast<size_t>(o * k + i)]);
        }
      }
      OperatorConfig config = config_of(isa(), k, n);
      config.formats["weight"] = WeightFormat::bf16;
      config.weights["weight"] = {DataType::kBF16, panels.data(), {ceil_div(n, 16), steps, 16, 2}};
      const OperatorPtr op = test::expect_made(make_linear(config));
      ASSERT_NE(op, nullptr);
      Matrix<float> x = test::random_matrix(1 + (k + n) % 15, k, 3);
      const Matrix<float> y =
          test::run_every_way(*op, std::vector{x.operand()}, Matrix<float>(x.rows(), n));
      for (int64_t r = 0; r < x.rows(); ++r) {
        for (int64_t o = 0; o < n; ++o) {
          double sum = 0;
          double magnitude = 0;
          for (int64_t i = 0; i < k; ++i) {
            const double value = rounds ? from_bf16(to_bf16(x.at(r, i))) : double{x.at(r, i)};
            const double product = value * from_bf16(to_bf16(w[static_cast<size_t>(o * k + i)]));
            sum += product;
            magnitude += std::abs(product);
          }
          const double error = 6e-8 * (2 + std::sqrt(static_cast<double>(k)));
          ASSERT_NEAR(y.at(r, o), sum, 1.2 * error * (magnitude + 1)) << r << " " << o;
        }
      }
    }
  }
}

LW_INSTANTIATE_FOR_ISAS(LinearBf16Test, LinearBf16Kernels);

}  // namespace
}  // namespace lanewise::ops
