#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "ops/linear/linear_list.hpp"
#include "tests/ops/onednn_calls.hpp"
#include "tests/ops/op_test.hpp"

/// Products of i8 and bf16 by oneDNN, forced even without AMX: the same integers as from our
/// kernels, hence the same bits.

namespace lanewise::ops {
namespace {

using test::Matrix;

struct LinearOnednnCase {
  int64_t rows, k, n;
  Activation activation;
  bool has_bias, has_residual, has_norm, has_input_scale;
};

constexpr LinearOnednnCase kCases[] = {
    {64, 64, 16, Activation::kNone, false, false, false, false},
    {65, 37, 50, Activation::kGeluErf, true, false, false, true},
    {150, 130, 700, Activation::kNone, true, true, false, false},
    {200, 96, 1040, Activation::kRelu, true, false, true, false},
    {64, 1, 513, Activation::kNone, false, true, true, true},
};

/// All inputs of a problem.
struct LinearOnednnLayer {
  LinearOnednnLayer(WeightFormat format, const LinearOnednnCase& c)
      : w(test::Random(1).floats(static_cast<size_t>(c.k * c.n))),
        packed(pack_weight(format, w.data(), c.n, c.k)),
        bias(test::Random(2).floats(static_cast<size_t>(c.n))),
        norm(test::Random(3).floats(static_cast<size_t>(c.k))),
        factors(test::Random(4).floats(static_cast<size_t>(c.k))) {
    set_weight(config, "weight", packed);
    if (c.has_input_scale) config.weights["input_scale"] = {DataType::kF32, factors.data(), {c.k}};
    problem.isa = config.isa = Isa::avx512bf16;
    problem.k = c.k;
    problem.n = c.n;
    problem.activation = c.activation;
    problem.has_residual = c.has_residual;
    if (c.has_bias) problem.bias = bias.data();
    if (c.has_norm)
      problem.norm = {.kind = NormKind::kRmsNorm, .weight = norm.data(), .eps = 1e-6f};
    auto weight = bind_weight(config, "weight", c.n, c.k);
    EXPECT_TRUE(weight.ok()) << weight.status().message();
    problem.weight = *weight;
  }

  std::vector<float> w;
  PackedWeight packed;
  std::vector<float> bias, norm, factors;
  OperatorConfig config;
  LinearProblem problem;
};

class OneDnnProducts : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!is_available(Isa::avx512bf16)) GTEST_SKIP() << "this CPU has no avx512bf16";
  }

  /// The forced operator, or null and a skip if the build lacks oneDNN.
  static OperatorPtr forced(const LinearProblem& problem) {
    LinearOffer offer = offer_onednn_linear_on(problem, OneDnnCpus::kAll);
    EXPECT_TRUE(offer.op != nullptr || offer.refusal == "this build has no oneDNN")
        << offer.refusal;
    return std::move(offer.op);
  }

  static Matrix<float> run(const Operator& op, const LinearOnednnCase& c, Matrix<float>& x,
                           Matrix<float>& residual) {
    std::vector<Operand> inputs{x.operand()};
    if (c.has_residual) inputs.push_back(residual.operand());
    return test::run_every_way(op, inputs, Matrix<float>(c.rows, c.n));
  }
};

TEST_F(OneDnnProducts, OfIntegersHaveTheBitsOfOurs) {
  for (const LinearOnednnCase& c : kCases) {
    SCOPED_TRACE(::testing::Message() << c.rows << " x " << c.k << " -> " << c.n);
    LinearOnednnLayer layer(WeightFormat::i8, c);
    const OperatorPtr theirs = forced(layer.problem);
    if (theirs == nullptr) GTEST_SKIP() << "this build has no oneDNN";
    EXPECT_EQ(theirs->implementation(), "onednn");
    const OperatorPtr ours = offer_lanewise_linear(layer.problem).op;
    Matrix<float> x = test::random_matrix(c.rows, c.k, 5, 3.0f, 3, 5);
    Matrix<float> residual = test::random_matrix(c.rows, c.n, 6);
    const int64_t calls = test::onednn_calls();
    const Matrix<float> y = run(*theirs, c, x, residual);
    EXPECT_GT(test::onednn_calls(), calls);
    EXPECT_EQ(y.values(), run(*ours, c, x, residual).values());
  }
}

/// Rows of one sign round to -128 or 127: the largest possible sums.
TEST_F(OneDnnProducts, OfTheLargestIntegersDoNotSaturate) {
  const LinearOnednnCase c{64, 4096, 17, Activation::kNone, false, false, false, false};
  LinearOnednnLayer layer(WeightFormat::i8, c);
  for (float& w : layer.w) w = w < 0.0f ? -1.0f : 1.0f;
  layer.packed = pack_weight(WeightFormat::i8, layer.w.data(), c.n, c.k);
  set_weight(layer.config, "weight", layer.packed);
  layer.problem.weight = bind_weight(layer.config, "weight", c.n, c.k).value();
  const OperatorPtr theirs = forced(layer.problem);
  if (theirs == nullptr) GTEST_SKIP() << "this build has no oneDNN";
  Matrix<float> x(c.rows, c.k), residual(c.rows, c.n);
  for (int64_t r = 0; r < c.rows; ++r) {
    for (int64_t i = 0; i < c.k; ++i) {
      x.at(r, i) = layer.w[static_cast<size_t>(r % c.n * c.k + i)] * (r % 2 == 0 ? 1.0f : -1.0f);
    }
  }
  const OperatorPtr ours = offer_lanewise_linear(layer.problem).op;
  EXPECT_EQ(run(*theirs, c, x, residual).values(), run(*ours, c, x, residual).values());
}

/// With AMX, oneDNN adds bf16 in an order that depends on the number of rows, and so on how the work
/// is cut.
TEST_F(OneDnnProducts, OfBf16AreNearOurs) {
  for (const LinearOnednnCase& c : kCases) {
    if (c.has_norm || c.has_input_scale) continue;
    SCOPED_TRACE(::testing::Message() << c.rows << " x " << c.k << " -> " << c.n);
    LinearOnednnLayer layer(WeightFormat::bf16, c);
    layer.problem.fast = true;
    const OperatorPtr theirs = forced(layer.problem);
    if (theirs == nullptr) GTEST_SKIP() << "this build has no oneDNN";
    const OperatorPtr ours = offer_lanewise_linear(layer.problem).op;
    Matrix<float> x = test::random_matrix(c.rows, c.k, 5, 1.0f, 3, 5);
    Matrix<float> residual = test::random_matrix(c.rows, c.n, 6);
    const Matrix<float> expected = run(*ours, c, x, residual);
    std::vector<Operand> inputs{x.operand()};
    if (c.has_residual) inputs.push_back(residual.operand());
    const int64_t calls = test::onednn_calls();
    for (const int threads : {1, 2, 7}) {
      Matrix<float> y(c.rows, c.n);
      test::run_operator(*theirs, {inputs, y.operand()}, threads, threads == 2);
      EXPECT_TRUE(y.guards_intact());
      for (int64_t r = 0; r < c.rows; ++r) {
        for (int64_t o = 0; o < c.n; ++o) ASSERT_NEAR(y.at(r, o), expected.at(r, o), 1e-4);
      }
    }
    EXPECT_GT(test::onednn_calls(), calls);
  }
}

TEST_F(OneDnnProducts, FewRowsAreLeftToOurKernels) {
  const LinearOnednnCase c{5, 40, 33, Activation::kNone, true, false, false, false};
  LinearOnednnLayer layer(WeightFormat::i8, c);
  const OperatorPtr theirs = forced(layer.problem);
  if (theirs == nullptr) GTEST_SKIP() << "this build has no oneDNN";
  Matrix<float> x = test::random_matrix(c.rows, c.k, 5), residual(c.rows, c.n);
  const std::vector<Operand> inputs{x.operand()};
  Matrix<float> y(c.rows, c.n);
  std::vector<Piece> pieces, of_ours;
  theirs->cut({inputs, y.operand()}, 1, pieces);
  const OperatorPtr ours = offer_lanewise_linear(layer.problem).op;
  ours->cut({inputs, y.operand()}, 1, of_ours);
  ASSERT_EQ(pieces.size(), of_ours.size());
  EXPECT_EQ(pieces[0].other_end, of_ours[0].other_end);
  EXPECT_EQ(run(*theirs, c, x, residual).values(), run(*ours, c, x, residual).values());
}

TEST_F(OneDnnProducts, AreRefusedWhereTheyBreakAPromiseOrGainNothing) {
  const LinearOnednnCase c{64, 40, 33, Activation::kNone, false, false, false, false};
  LinearOnednnLayer i8(WeightFormat::i8, c);
  LinearOnednnLayer bf16(WeightFormat::bf16, c);
  LinearOnednnLayer i4(WeightFormat::i4g32, c);
  if (forced(i8.problem) == nullptr) GTEST_SKIP() << "this build has no oneDNN";
  EXPECT_EQ(offer_onednn_linear_on(bf16.problem, OneDnnCpus::kAll).refusal,
            "a row's bits would depend on the batch; `fast` allows that");
  EXPECT_EQ(offer_onednn_linear_on(i4.problem, OneDnnCpus::kAll).refusal,
            "its weights are f32, bf16 and i8");
  i8.problem.isa = Isa::avx2;
  EXPECT_EQ(offer_onednn_linear_on(i8.problem, OneDnnCpus::kAll).refusal,
            "AMX is beyond this instruction set");
}

}  // namespace
}  // namespace lanewise::ops
