#include "ops/norm/layer_norm.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/norm/layer_norm_kernels.hpp"
#include "tests/ops/op_test.hpp"

namespace lanewise::ops {
namespace {

using test::Matrix;

constexpr double kLayerNormTolerance = 2.5e-7;  // times (3 + max |z| / sigma) * |w| + 2 * |b|

struct LayerNormExpected {
  std::vector<double> y;
  std::vector<double> bounds;
};

/// `residual` and `bias` may be empty.
LayerNormExpected reference(const Matrix<float>& x, const std::vector<float>& residual,
                            const std::vector<float>& weight, const std::vector<float>& bias,
                            double eps) {
  LayerNormExpected expected;
  const auto dim = static_cast<size_t>(x.features());
  for (int64_t r = 0; r < x.rows(); ++r) {
    std::vector<double> z(x.row(r), x.row(r) + dim);
    for (size_t i = 0; i < dim && !residual.empty(); ++i) {
      z[i] += residual[static_cast<size_t>(r) * dim + i];
    }
    double mean = 0.0;
    double largest = 0.0;
    for (const double value : z) {
      mean += value / static_cast<double>(dim);
      largest = std::max(largest, std::abs(value));
    }
    double variance = 0.0;
    for (const double value : z)
      variance += (value - mean) * (value - mean) / static_cast<double>(dim);
    const double sigma = std::sqrt(variance + eps);
    for (size_t i = 0; i < dim; ++i) {
      const double b = bias.empty() ? 0.0 : bias[i];
      expected.y.push_back((z[i] - mean) / sigma * weight[i] + b);
      expected.bounds.push_back(
          kLayerNormTolerance *
          ((3.0 + largest / sigma) * std::abs(weight[i]) + 2.0 * std::abs(b)));
    }
  }
  return expected;
}

class LayerNormTest : public test::IsaTest {
 protected:
  void SetUp() override {
    IsaTest::SetUp();
    weight_ = test::Random(11).floats(kMostFeatures, 2.0f);
    bias_ = test::Random(12).floats(kMostFeatures);
  }

  OperatorConfig config(int64_t dim, size_t inputs, bool has_bias) const {
    OperatorConfig result{.isa = isa(),
                          .attributes = {{"eps", 1e-5}},
                          .inputs = std::vector<OperandSpec>(inputs, {DataType::kF32, dim}),
                          .output = {DataType::kF32, dim}};
    result.weights["weight"] = {DataType::kF32, weight_.data(), {dim}};
    if (has_bias) result.weights["bias"] = {DataType::kF32, bias_.data(), {dim}};
    return result;
  }

  OperatorPtr make(int64_t dim, size_t inputs, bool has_bias) const {
    return test::expect_made(make_layer_norm(config(dim, inputs, has_bias)));
  }

  static constexpr size_t kMostFeatures = 1600;
  std::vector<float> weight_;
  std::vector<float> bias_;
};

TEST_P(LayerNormTest, AgreesWithTheReferenceForEverySizeAndAlignment) {
  std::vector<int64_t> dims = test::sizes();
  for (const int64_t dim : {63, 64, 65, 129, 384, 1536}) dims.push_back(dim);
  for (const int64_t dim : dims) {
    if (dim == 0) continue;
    for (const bool has_residual : {false, true}) {
      const size_t shift = static_cast<size_t>(dim) % 16;
      const bool has_bias = dim % 3 != 0;
      Matrix<float> x = test::random_matrix(5, dim, 1, 3.0f, shift, dim % 2);
      Matrix<float> residual = test::random_matrix(5, dim, 2, 2.0f, (shift + 5) % 16, 3);
      std::vector<Operand> inputs = {x.operand()};
      if (has_residual) inputs.push_back(residual.operand());
      const OperatorPtr op = make(dim, inputs.size(), has_bias);
      ASSERT_NE(op, nullptr);
      const Matrix<float> y =
          test::run_every_way(*op, inputs, Matrix<float>(5, dim, (shift + 9) % 16, 1));
      const LayerNormExpected expected =
          reference(x, has_residual ? residual.values() : std::vector<float>{}, weight_,
                    has_bias ? bias_ : std::vector<float>{}, 1e-5);
      ASSERT_TRUE(test::within(y, expected.y, expected.bounds)) << "dim " << dim;
    }
  }
}

TEST_P(LayerNormTest, KeepsItsBoundForLargeMeans) {
  Matrix<float> x = test::random_matrix(2, 300, 3, 0.5f);
  for (int64_t i = 0; i < 300; ++i) x.at(1, i) += 1000.0f;
  const OperatorPtr op = make(300, 1, true);
  ASSERT_NE(op, nullptr);
  const Operand inputs[] = {x.operand()};
  const Matrix<float> y = test::run_every_way(*op, inputs, Matrix<float>(2, 300));
  const LayerNormExpected expected = reference(x, {}, weight_, bias_, 1e-5);
  EXPECT_TRUE(test::within(y, expected.y, expected.bounds));
}

TEST_P(LayerNormTest, GivesTheBiasForConstantRows) {
  Matrix<float> x(1, 40);
  for (int64_t i = 0; i < 40; ++i) x.at(0, i) = -0.0f;
  const OperatorPtr op = make(40, 1, true);
  ASSERT_NE(op, nullptr);
  const Operand inputs[] = {x.operand()};
  const Matrix<float> y = test::run_every_way(*op, inputs, Matrix<float>(1, 40));
  EXPECT_EQ(y.values(), std::vector<float>(bias_.begin(), bias_.begin() + 40));
}

TEST_P(LayerNormTest, TurnsRowsWithInfinityOrNanIntoNan) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  Matrix<float> x = test::random_matrix(3, 70, 4);
  x.at(0, 69) = kInf;
  x.at(1, 0) = std::numeric_limits<float>::quiet_NaN();
  const OperatorPtr op = make(70, 1, true);
  ASSERT_NE(op, nullptr);
  const Operand inputs[] = {x.operand()};
  const Matrix<float> y = test::run_every_way(*op, inputs, Matrix<float>(3, 70));
  for (int64_t i = 0; i < 70; ++i) {
    EXPECT_TRUE(std::isnan(y.at(0, i)));
    EXPECT_TRUE(std::isnan(y.at(1, i)));
    EXPECT_TRUE(std::isfinite(y.at(2, i)));
  }
}

TEST_P(LayerNormTest, WorksInPlace) {
  Matrix<float> x = test::random_matrix(4, 83, 5);
  Matrix<float> residual = test::random_matrix(4, 83, 6);
  const OperatorPtr op = make(83, 2, true);
  ASSERT_NE(op, nullptr);
  EXPECT_EQ(op->in_place_input(), 0);
  const Operand inputs[] = {x.operand(), residual.operand()};
  const Matrix<float> apart = test::run_every_way(*op, inputs, Matrix<float>(4, 83));
  test::run_operator(*op, {inputs, x.operand()});
  EXPECT_EQ(x.values(), apart.values());
  EXPECT_TRUE(x.guards_intact());
}

TEST_P(LayerNormTest, GivesTheSameBitsOnEveryInstructionSet) {
  Matrix<float> x = test::random_matrix(3, 211, 7, 4.0f);
  Matrix<float> residual = test::random_matrix(3, 211, 8);
  const OperatorPtr op = make(211, 2, true);
  ASSERT_NE(op, nullptr);
  const Operand inputs[] = {x.operand(), residual.operand()};
  test::expect_checksum(isa(), test::run_every_way(*op, inputs, Matrix<float>(3, 211)),
                        0x6ae820725730e55);
}

TEST_P(LayerNormTest, RefusesWhatDoesNotFit) {
  OperatorConfig short_weight = config(8, 1, true);
  short_weight.weights["weight"].shape = {7};
  test::expect_error(make_layer_norm(short_weight), StatusCode::kInvalidArgument, "'weight'");
  OperatorConfig no_weight = config(8, 1, true);
  no_weight.weights.erase("weight");
  test::expect_error(make_layer_norm(no_weight), StatusCode::kInvalidArgument, "'weight'");
  OperatorConfig half_bias = config(8, 1, true);
  half_bias.weights["bias"].type = DataType::kF16;
  test::expect_error(make_layer_norm(half_bias), StatusCode::kInvalidArgument, "'bias'");
  OperatorConfig other_weight = config(8, 1, true);
  other_weight.weights["gamma"] = other_weight.weights["weight"];
  test::expect_error(make_layer_norm(other_weight), StatusCode::kInvalidArgument, "'gamma'");
  OperatorConfig negative = config(8, 1, true);
  negative.attributes.set("eps", -1.0);
  test::expect_error(make_layer_norm(negative), StatusCode::kInvalidArgument, "'eps'");
  OperatorConfig residual = config(8, 2, true);
  residual.inputs[1].features = 9;
  test::expect_error(make_layer_norm(residual), StatusCode::kInvalidArgument, "features");
  test::expect_error(make_layer_norm(config(8, 3, true)), StatusCode::kInvalidArgument, "inputs");
}

LW_INSTANTIATE_FOR_ISAS(LayerNormTest, LayerNormKernels);

}  // namespace
}  // namespace lanewise::ops
