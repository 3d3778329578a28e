#include "ops/norm/rms_norm.hpp"

#include <cmath>
#include <limits>

#include "ops/norm/rms_norm_kernels.hpp"
#include "tests/ops/op_test.hpp"

namespace lanewise::ops {
namespace {

using test::Matrix;

constexpr double kRmsNormTolerance = 5e-7;  // times |y|

class RmsNormTest : public test::IsaTest {
 protected:
  OperatorConfig config(int64_t dim) const {
    OperatorConfig result{.isa = isa(),
                          .attributes = {{"eps", 1e-6}},
                          .inputs = {{DataType::kF32, dim}},
                          .output = {DataType::kF32, dim}};
    result.weights["weight"] = {DataType::kF32, weight_.data(), {dim}};
    return result;
  }
  OperatorPtr make(int64_t dim) const { return test::expect_made(make_rms_norm(config(dim))); }

  ::testing::AssertionResult agrees(const Matrix<float>& x, const Matrix<float>& y) const {
    std::vector<double> expected;
    std::vector<double> bounds;
    for (int64_t r = 0; r < x.rows(); ++r) {
      double sum = 0.0;
      for (int64_t i = 0; i < x.features(); ++i) sum += double{x.at(r, i)} * x.at(r, i);
      const double root = std::sqrt(sum / static_cast<double>(x.features()) + 1e-6);
      for (int64_t i = 0; i < x.features(); ++i) {
        expected.push_back(x.at(r, i) / root * weight_[static_cast<size_t>(i)]);
        bounds.push_back(kRmsNormTolerance * std::abs(expected.back()));
      }
    }
    return test::within(y, expected, bounds);
  }

  const std::vector<float> weight_ = test::Random(11).floats(1600, 2.0f);
};

TEST_P(RmsNormTest, AgreesWithTheReferenceForEverySizeAndAlignment) {
  std::vector<int64_t> dims = test::sizes();
  for (const int64_t dim : {63, 64, 65, 129, 384, 1536}) dims.push_back(dim);
  for (const int64_t dim : dims) {
    if (dim == 0) continue;
    const size_t shift = static_cast<size_t>(dim) % 16;
    Matrix<float> x = test::random_matrix(5, dim, 1, 3.0f, shift, dim % 2);
    const OperatorPtr op = make(dim);
    ASSERT_NE(op, nullptr);
    const Operand inputs[] = {x.operand()};
    const Matrix<float> y =
        test::run_every_way(*op, inputs, Matrix<float>(5, dim, (shift + 9) % 16, 1));
    ASSERT_TRUE(agrees(x, y)) << "dim " << dim;
  }
}

TEST_P(RmsNormTest, TakesSpecialValues) {
  Matrix<float> x = test::random_matrix(3, 35, 2);
  for (int64_t i = 0; i < 35; ++i) x.at(0, i) = -0.0f;
  x.at(1, 34) = std::numeric_limits<float>::quiet_NaN();
  x.at(2, 3) = std::numeric_limits<float>::infinity();
  const OperatorPtr op = make(35);
  ASSERT_NE(op, nullptr);
  const Operand inputs[] = {x.operand()};
  const Matrix<float> y = test::run_every_way(*op, inputs, Matrix<float>(3, 35));
  for (int64_t i = 0; i < 35; ++i) {
    EXPECT_EQ(y.at(0, i), 0.0f);
    EXPECT_TRUE(std::isnan(y.at(1, i)));
    if (i != 3) {
      EXPECT_EQ(y.at(2, i), 0.0f);
    }
  }
  EXPECT_TRUE(std::isnan(y.at(2, 3)));
}

TEST_P(RmsNormTest, WorksInPlace) {
  Matrix<float> x = test::random_matrix(4, 83, 5);
  const OperatorPtr op = make(83);
  ASSERT_NE(op, nullptr);
  EXPECT_EQ(op->in_place_input(), 0);
  const Operand inputs[] = {x.operand()};
  const Matrix<float> apart = test::run_every_way(*op, inputs, Matrix<float>(4, 83));
  test::run_operator(*op, {inputs, x.operand()});
  EXPECT_EQ(x.values(), apart.values());
  EXPECT_TRUE(x.guards_intact());
}

TEST_P(RmsNormTest, AShortWeightNormalisesEachGroupAlone) {
  for (const int64_t group : {1, 7, 16, 20, 64}) {
    Matrix<float> x = test::random_matrix(4, 3 * group, 5, 3.0f, 3, 1);
    OperatorConfig heads = config(3 * group);
    heads.weights["weight"].shape = {group};
    const OperatorPtr op = test::expect_made(make_rms_norm(heads));
    ASSERT_NE(op, nullptr);
    const Operand inputs[] = {x.operand()};
    const Matrix<float> y = test::run_every_way(*op, inputs, Matrix<float>(4, 3 * group, 1, 2));
    Matrix<float> apart(12, group);
    apart.fill(x.values());
    const OperatorPtr one = make(group);
    ASSERT_NE(one, nullptr);
    const Operand rows[] = {apart.operand()};
    EXPECT_EQ(y.values(), test::run_every_way(*one, rows, Matrix<float>(12, group)).values());
  }
}

TEST_P(RmsNormTest, GivesTheSameBitsOnEveryInstructionSet) {
  Matrix<float> x = test::random_matrix(3, 211, 7, 4.0f);
  const OperatorPtr op = make(211);
  ASSERT_NE(op, nullptr);
  const Operand inputs[] = {x.operand()};
  test::expect_checksum(isa(), test::run_every_way(*op, inputs, Matrix<float>(3, 211)),
                        0x4bfad6eccceefc82);
}

TEST_P(RmsNormTest, RefusesWhatDoesNotFit) {
  OperatorConfig short_weight = config(8);
  short_weight.weights["weight"].shape = {7};
  test::expect_error(make_rms_norm(short_weight), StatusCode::kInvalidArgument, "'weight'");
  OperatorConfig bias = config(8);
  bias.weights["bias"] = bias.weights["weight"];
  test::expect_error(make_rms_norm(bias), StatusCode::kInvalidArgument, "'bias'");
  OperatorConfig eps = config(8);
  eps.attributes.set("eps", std::string("small"));
  test::expect_error(make_rms_norm(eps), StatusCode::kInvalidArgument, "'eps'");
  OperatorConfig other = config(8);
  other.output.features = 9;
  test::expect_error(make_rms_norm(other), StatusCode::kInvalidArgument, "features");
}

LW_INSTANTIATE_FOR_ISAS(RmsNormTest, RmsNormKernels);

}  // namespace
}  // namespace lanewise::ops
