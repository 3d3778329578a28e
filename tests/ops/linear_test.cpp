#include "ops/linear/linear.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>

#include "ops/weights/f32/f32_kernels.hpp"
#include "tests/ops/activation_reference.hpp"
#include "tests/ops/onednn_calls.hpp"
#include "tests/ops/op_test.hpp"

namespace lanewise::ops {
namespace {

using test::Matrix;

/// Relative to sum_k |x * w|, times (2 + sqrt(k)): a chain of k roundings, most of which cancel.
constexpr double kSumError = 6e-8;
/// Relative to max(1, |y|): the activation's own error and the last roundings.
constexpr double kActivationError = 5e-7;

/// A linear layer in PyTorch's layout, and the same in panels.
struct LinearLayer {
  int64_t k;
  int64_t n;
  std::vector<float> w;     // [n][k]
  std::vector<float> bias;  // [n], or empty
  std::string activation = "none";
  bool has_residual = false;
  bool fast = false;
  std::vector<float> packed{};

  int64_t panels() const { return (n + 15) / 16; }

  OperatorConfig config(Isa isa) {
    packed.assign(static_cast<size_t>(panels() * k * 16), 0.0f);
    for (int64_t o = 0; o < n; ++o) {
      for (int64_t i = 0; i < k; ++i) {
        packed[static_cast<size_t>((o / 16 * k + i) * 16 + o % 16)] =
            w[static_cast<size_t>(o * k + i)];
      }
    }
    OperatorConfig config{.isa = isa, .fast = fast};
    config.attributes = {{"activation", activation}, {"has_residual", has_residual}};
    config.inputs = {{DataType::kF32, k}};
    if (has_residual) config.inputs.push_back({DataType::kF32, n});
    config.output = {DataType::kF32, n};
    config.weights["weight"] = {DataType::kF32, packed.data(), {panels(), k, 16}};
    if (!bias.empty()) config.weights["bias"] = {DataType::kF32, bias.data(), {n}};
    return config;
  }
};

LinearLayer random_layer(int64_t k, int64_t n, bool bias, uint64_t seed) {
  test::Random random(seed);
  LinearLayer layer{.k = k, .n = n, .w = random.floats(static_cast<size_t>(k * n)), .bias = {}};
  if (bias) layer.bias = random.floats(static_cast<size_t>(n));
  return layer;
}

struct LinearExpected {
  std::vector<double> y;
  std::vector<double> bounds;
};

LinearExpected reference(const LinearLayer& layer, const Matrix<float>& x,
                         const Matrix<float>* residual) {
  LinearExpected expected;
  for (int64_t r = 0; r < x.rows(); ++r) {
    for (int64_t o = 0; o < layer.n; ++o) {
      double sum = 0;
      double magnitude = 0;
      for (int64_t i = 0; i < layer.k; ++i) {
        const double product =
            double{x.at(r, i)} * double{layer.w[static_cast<size_t>(o * layer.k + i)]};
        sum += product;
        magnitude += std::abs(product);
      }
      if (!layer.bias.empty()) sum += double{layer.bias[static_cast<size_t>(o)]};
      double y = test::activate(layer.activation, sum);
      if (residual != nullptr) y += double{residual->at(r, o)};
      expected.y.push_back(y);
      const double sum_error = kSumError * (2 + std::sqrt(static_cast<double>(layer.k)));
      // No activation here is steeper than 1.13 (gelu).
      expected.bounds.push_back(1.2 * sum_error * (magnitude + 1) +
                                kActivationError * std::max(1.0, std::abs(y)));
    }
  }
  return expected;
}

class LinearTest : public test::IsaTest {
 protected:
  /// Runs the layer over random rows and compares with the reference.
  void check(LinearLayer layer, int64_t rows, size_t misalignment = 0, int64_t gap = 0) {
    SCOPED_TRACE(::testing::Message()
                 << rows << " x " << layer.k << " -> " << layer.n << " " << layer.activation
                 << (layer.bias.empty() ? "" : " bias") << (layer.has_residual ? " residual" : ""));
    Matrix<float> x = test::random_matrix(rows, layer.k, 3, 1.0f, misalignment, gap);
    Matrix<float> residual = test::random_matrix(rows, layer.n, 4, 1.0f, misalignment, gap);
    const Matrix<float> output(rows, layer.n, misalignment, gap);
    const OperatorPtr op = test::expect_made(make_linear(layer.config(isa())));
    ASSERT_NE(op, nullptr);
    std::vector<Operand> inputs{x.operand()};
    if (layer.has_residual) inputs.push_back(residual.operand());
    const Matrix<float> y = test::run_every_way(*op, inputs, output);
    const LinearExpected expected = reference(layer, x, layer.has_residual ? &residual : nullptr);
    EXPECT_TRUE(test::within(y, expected.y, expected.bounds));
  }
};

TEST_P(LinearTest, AgreesForEverySmallSize) {
  for (const int64_t rows : test::sizes()) {
    for (const int64_t n : {1, 15, 16, 17, 33, 50}) {
      for (const int64_t k : {1, 7, 33}) check(random_layer(k, n, true, 1), rows);
    }
  }
}

TEST_P(LinearTest, AgreesForEveryNumberOfFeatures) {
  for (int64_t n = 1; n <= (test::small_sizes() ? 40 : 130); ++n) {
    check(random_layer(5, n, true, 2), 7);
    check(random_layer(n, 19, false, 2), 7);
  }
}

TEST_P(LinearTest, AgreesForRealShapes) {
  const int64_t rows = test::small_sizes() ? 5 : 128;
  for (const auto& [k, n] : {std::pair<int64_t, int64_t>{384, 384}, {1536, 64}, {130, 1536}}) {
    check(random_layer(k, n, true, 5), rows);
  }
}

/// Sums are buffered if the inputs are processed in several blocks, of at most 1,536.
TEST_P(LinearTest, AgreesForMoreInputsThanABlock) {
  for (const int64_t rows : {1, 13}) {
    check(random_layer(2048, 33, true, 15), rows);
    check(random_layer(3700, 20, false, 16), rows);
  }
}

TEST_P(LinearTest, TakesMisalignedAndStridedOperands) {
  for (const size_t misalignment : {1, 3, 7, 15}) {
    check(random_layer(37, 50, true, 6), 14, misalignment, static_cast<int64_t>(misalignment));
  }
}

TEST_P(LinearTest, AppliesEveryEpilogue) {
  for (const char* activation :
       {"none", "relu", "gelu", "gelu_tanh", "gelu_10", "quick_gelu", "silu", "mish", "hard_swish",
        "relu2", "relu6", "leaky_relu", "tanh", "sigmoid", "laplace"}) {
    for (const bool residual : {false, true}) {
      for (const bool bias : {false, true}) {
        LinearLayer layer = random_layer(29, 35, bias, 7);
        layer.activation = activation;
        layer.has_residual = residual;
        check(layer, 13);
      }
    }
  }
}

TEST_P(LinearTest, AppliesTheEpilogueWhereThreadsSharePanels) {
  LinearLayer layer = random_layer(512, 200, true, 17);
  layer.activation = "gelu";
  layer.has_residual = true;
  check(layer, 3, 1, 2);
}

TEST_P(LinearTest, MayWriteOverTheResidual) {
  LinearLayer layer = random_layer(31, 40, true, 8);
  layer.has_residual = true;
  layer.activation = "gelu";
  const OperatorPtr op = test::expect_made(make_linear(layer.config(isa())));
  ASSERT_NE(op, nullptr);
  EXPECT_EQ(op->in_place_input(), 1);
  Matrix<float> x = test::random_matrix(17, 31, 3);
  Matrix<float> residual = test::random_matrix(17, 40, 4);
  Matrix<float> separate(17, 40);
  test::run_operator(*op,
                     {std::vector<Operand>{x.operand(), residual.operand()}, separate.operand()});
  test::run_operator(*op,
                     {std::vector<Operand>{x.operand(), residual.operand()}, residual.operand()});
  EXPECT_EQ(test::checksum(residual), test::checksum(separate));
}

TEST_P(LinearTest, GivesARowTheSameBitsAmongAnyOthers) {
  LinearLayer layer = random_layer(300, 200, true, 9);
  layer.activation = "gelu";
  const OperatorPtr op = test::expect_made(make_linear(layer.config(isa())));
  ASSERT_NE(op, nullptr);
  Matrix<float> x = test::random_matrix(40, 300, 3);
  Matrix<float> all(40, 200);
  test::run_operator(*op, {std::vector<Operand>{x.operand()}, all.operand()});
  for (int64_t rows = 1; rows < 40; rows += test::small_sizes() ? 6 : 1) {
    Matrix<float> some(rows, 200);
    Operand first = x.operand();
    first.rows = rows;
    test::run_operator(*op, {std::vector<Operand>{first}, some.operand()}, 3);
    for (int64_t r = 0; r < rows; ++r) {
      ASSERT_EQ(std::memcmp(some.row(r), all.row(r), 200 * sizeof(float)), 0)
          << "row " << r << " of " << rows;
    }
  }
}

TEST_P(LinearTest, PassesInfinitiesAndNanOn) {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  LinearLayer layer = random_layer(20, 18, true, 10);
  for (float& w : layer.w) w = std::abs(w) + 0.1f;
  const OperatorPtr op = test::expect_made(make_linear(layer.config(isa())));
  ASSERT_NE(op, nullptr);
  Matrix<float> x = test::random_matrix(8, 20, 3);
  x.at(1, 4) = inf;
  x.at(3, 19) = -inf;
  x.at(5, 0) = nan;
  Matrix<float> y(8, 18);
  test::run_operator(*op, {std::vector<Operand>{x.operand()}, y.operand()});
  for (int64_t o = 0; o < 18; ++o) {
    EXPECT_EQ(y.at(1, o), inf);
    EXPECT_EQ(y.at(3, o), -inf);
    EXPECT_TRUE(std::isnan(y.at(5, o)));
    for (const int64_t clean : {0, 2, 4, 6, 7}) EXPECT_TRUE(std::isfinite(y.at(clean, o)));
  }
}

TEST_P(LinearTest, HasTheSameBitsOnEveryInstructionSetWithFma) {
  LinearLayer layer = random_layer(100, 70, true, 11);
  layer.activation = "gelu";
  const OperatorPtr op = test::expect_made(make_linear(layer.config(isa())));
  ASSERT_NE(op, nullptr);
  Matrix<float> x = test::random_matrix(23, 100, 3);
  Matrix<float> y(23, 70);
  test::run_operator(*op, {std::vector<Operand>{x.operand()}, y.operand()});
  test::expect_checksum(isa(), y, 0xe3172150836fc5cb);
}

TEST_P(LinearTest, RefusesWhatDoesNotFit) {
  LinearLayer layer = random_layer(20, 18, true, 12);
  OperatorConfig config = layer.config(isa());
  config.inputs[0].features = 21;
  test::expect_error(make_linear(config), StatusCode::kInvalidArgument,
                     "weight 'weight': expected [2, 21, 16] F32, found [2, 20, 16] F32");
  config = layer.config(isa());
  config.weights["bias"].shape = {17};
  test::expect_error(make_linear(config), StatusCode::kInvalidArgument, "weight 'bias'");
  config = layer.config(isa());
  config.weights.erase("weight");
  test::expect_error(make_linear(config), StatusCode::kInvalidArgument, "'weight' is missing");
  config = layer.config(isa());
  config.attributes.set("activation", std::string("swoosh"));
  test::expect_error(make_linear(config), StatusCode::kUnsupported, "swoosh");
  config = layer.config(isa());
  config.attributes.set("speed", int64_t{1});
  test::expect_error(make_linear(config), StatusCode::kInvalidArgument, "speed");
  config = layer.config(isa());
  config.inputs.push_back({DataType::kF32, 18});
  test::expect_error(make_linear(config), StatusCode::kInvalidArgument, "1 inputs");
}

TEST_P(LinearTest, TellsWhyAnImplementationWasRefused) {
  LinearLayer layer = random_layer(8, 8, false, 13);
  OperatorConfig config = layer.config(isa());
  std::string log;
  config.log = [&log](std::string_view line) { log += line; };
  const OperatorPtr op = test::expect_made(make_linear(config));
  ASSERT_NE(op, nullptr);
  EXPECT_EQ(op->implementation(), "lanewise");
  EXPECT_NE(log.find("onednn refused ("), std::string::npos) << log;
  EXPECT_NE(log.find("lanewise chosen"), std::string::npos) << log;
}

/// oneDNN is used only with `fast` and many rows; then its own function must have been called. If
/// the build lacks it, our kernels are tested again.
TEST_P(LinearTest, FastImplementationAgreesToo) {
  for (const char* activation : {"none", "gelu"}) {
    for (const bool residual : {false, true}) {
      for (const int64_t rows : {33, 130, 300}) {
        LinearLayer layer = random_layer(64, 48, true, 14);
        layer.activation = activation;
        layer.has_residual = residual;
        layer.fast = true;
        OperatorPtr op = test::expect_made(make_linear(layer.config(isa())));
        ASSERT_NE(op, nullptr);
        Matrix<float> x = test::random_matrix(rows, 64, 3);
        Matrix<float> added = test::random_matrix(rows, 48, 4);
        Matrix<float> y(rows, 48);
        std::vector<Operand> inputs{x.operand()};
        if (residual) inputs.push_back(added.operand());
        const int64_t calls = test::onednn_calls();
        test::run_operator(*op, {inputs, y.operand()}, 1);
        const bool takes = test::has_onednn() && isa() < Isa::avx512;
        EXPECT_EQ(op->implementation(), takes ? "onednn" : "lanewise");
        EXPECT_EQ(test::onednn_calls() > calls, takes && rows >= 128) << rows << " rows";
        const LinearExpected expected = reference(layer, x, residual ? &added : nullptr);
        EXPECT_TRUE(test::within(y, expected.y, expected.bounds)) << op->implementation();
        EXPECT_TRUE(y.guards_intact());
      }
    }
  }
}

/// Runs are cancelled between pieces, so none may take long: 2^27 multiply-adds at most.
TEST(LinearPieces, AreShortAndWithinTheirLimit) {
  constexpr int64_t kInputs = 1024, kOutputs = 4096;
  LinearLayer layer{
      .k = kInputs, .n = kOutputs, .w = std::vector<float>(kInputs * kOutputs), .bias = {}};
  const OperatorPtr op = test::expect_made(make_linear(layer.config(Isa::baseline)));
  ASSERT_NE(op, nullptr);
  for (const int64_t rows : {1, 96, 97, 1000}) {
    for (const int threads : {1, 2, 7}) {
      Matrix<float> x(rows, kInputs);
      Matrix<float> y(rows, kOutputs);
      const std::vector<Operand> inputs{x.operand()};
      std::vector<Piece> pieces;
      op->cut({inputs, y.operand()}, threads, pieces);
      EXPECT_LE(static_cast<int64_t>(pieces.size()), op->most_pieces(threads).of(rows, 1));
      int64_t area = 0;
      for (const Piece& piece : pieces) {
        const int64_t of_piece =
            int64_t{piece.end - piece.begin} * int64_t{piece.other_end - piece.other_begin};
        EXPECT_LE(of_piece * kInputs, int64_t{1} << 27) << rows << " rows, " << threads;
        area += of_piece;
      }
      EXPECT_EQ(area, rows * kOutputs);
    }
  }
}

TEST_P(LinearTest, GivesEveryThreadAnEvenShareOfFewRows) {
  LinearLayer layer = random_layer(384, 384, false, 1);
  const OperatorPtr op = test::expect_made(make_linear(layer.config(isa())));
  ASSERT_NE(op, nullptr);
  for (const int64_t rows : {1, 16}) {
    for (const int threads : {1, 2, 3}) {
      SCOPED_TRACE(::testing::Message() << rows << " rows, " << threads << " threads");
      Matrix<float> x = test::random_matrix(rows, 384, 2);
      Matrix<float> y(rows, 384);
      const std::vector<Operand> inputs{x.operand()};
      std::vector<Piece> pieces;
      op->cut({inputs, y.operand()}, threads, pieces);
      EXPECT_EQ(pieces.size() % static_cast<size_t>(threads), 0U);
      int32_t least = INT32_MAX, most = 0, next = 0;
      for (const Piece& piece : pieces) {
        EXPECT_EQ(piece.other_begin, next);
        next = piece.other_end;
        least = std::min(least, piece.other_end - piece.other_begin);
        most = std::max(most, piece.other_end - piece.other_begin);
      }
      EXPECT_EQ(next, 384);
      EXPECT_LE(most - least, 16);
    }
  }
}

LW_INSTANTIATE_FOR_ISAS(LinearTest, LinearKernels);

}  // namespace
}  // namespace lanewise::ops
