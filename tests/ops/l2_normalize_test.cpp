#include "ops/norm/l2_normalize.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/norm/l2_normalize_kernels.hpp"
#include "tests/ops/op_test.hpp"

namespace lanewise::ops {
namespace {

using test::Matrix;

constexpr double kL2NormalizeTolerance = 5e-7;  // times |y|

class L2NormalizeTest : public test::IsaTest {
 protected:
  OperatorConfig config(int64_t dim) const {
    return {.isa = isa(), .inputs = {{DataType::kF32, dim}}, .output = {DataType::kF32, dim}};
  }
  OperatorPtr make(int64_t dim) const { return test::expect_made(make_l2_normalize(config(dim))); }

  static ::testing::AssertionResult agrees(const Matrix<float>& x, const Matrix<float>& y,
                                           double eps) {
    std::vector<double> expected;
    std::vector<double> bounds;
    for (int64_t r = 0; r < x.rows(); ++r) {
      double sum = 0.0;
      for (int64_t i = 0; i < x.features(); ++i) sum += double{x.at(r, i)} * x.at(r, i);
      for (int64_t i = 0; i < x.features(); ++i) {
        expected.push_back(x.at(r, i) / std::max(std::sqrt(sum), eps));
        bounds.push_back(kL2NormalizeTolerance * std::abs(expected.back()));
      }
    }
    return test::within(y, expected, bounds);
  }
};

TEST_P(L2NormalizeTest, AgreesWithTheReferenceForEverySizeAndAlignment) {
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
    ASSERT_TRUE(agrees(x, y, 1e-12)) << "dim " << dim;
  }
}

TEST_P(L2NormalizeTest, DividesShortRowsByEps) {
  Matrix<float> x = test::random_matrix(2, 20, 2);
  for (int64_t i = 0; i < 20; ++i) x.at(1, i) = 0.0f;
  OperatorConfig large_eps = config(20);
  large_eps.attributes.set("eps", 8.0);
  const OperatorPtr op = test::expect_made(make_l2_normalize(large_eps));
  ASSERT_NE(op, nullptr);
  const Operand inputs[] = {x.operand()};
  EXPECT_TRUE(agrees(x, test::run_every_way(*op, inputs, Matrix<float>(2, 20)), 8.0));
}

TEST_P(L2NormalizeTest, TakesSpecialValues) {
  Matrix<float> x = test::random_matrix(4, 35, 3, 1e-14f);
  for (int64_t i = 0; i < 35; ++i) x.at(0, i) = -0.0f;
  x.at(1, 34) = std::numeric_limits<float>::quiet_NaN();
  x.at(2, 3) = std::numeric_limits<float>::infinity();
  const OperatorPtr op = make(35);
  ASSERT_NE(op, nullptr);
  const Operand inputs[] = {x.operand()};
  const Matrix<float> y = test::run_every_way(*op, inputs, Matrix<float>(4, 35));
  for (int64_t i = 0; i < 35; ++i) {
    EXPECT_EQ(y.at(0, i), 0.0f);
    EXPECT_TRUE(std::isnan(y.at(1, i)));
    if (i != 3) {
      EXPECT_EQ(y.at(2, i), 0.0f);
    }
    EXPECT_NEAR(y.at(3, i), x.at(3, i) / 1e-12, 1e-8);
  }
  EXPECT_TRUE(std::isnan(y.at(2, 3)));
}

TEST_P(L2NormalizeTest, WorksInPlace) {
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

TEST_P(L2NormalizeTest, GivesTheSameBitsOnEveryInstructionSet) {
  Matrix<float> x = test::random_matrix(3, 211, 7, 4.0f);
  const OperatorPtr op = make(211);
  ASSERT_NE(op, nullptr);
  const Operand inputs[] = {x.operand()};
  test::expect_checksum(isa(), test::run_every_way(*op, inputs, Matrix<float>(3, 211)),
                        0x191006e8e5d0ac46);
}

TEST_P(L2NormalizeTest, RefusesWhatDoesNotFit) {
  OperatorConfig eps = config(8);
  eps.attributes.set("eps", std::numeric_limits<double>::quiet_NaN());
  test::expect_error(make_l2_normalize(eps), StatusCode::kInvalidArgument, "'eps'");
  OperatorConfig unknown = config(8);
  unknown.attributes.set("p", int64_t{2});
  test::expect_error(make_l2_normalize(unknown), StatusCode::kInvalidArgument, "'p'");
  OperatorConfig other = config(8);
  other.inputs[0].features = 9;
  test::expect_error(make_l2_normalize(other), StatusCode::kInvalidArgument, "features");
  OperatorConfig output = config(8);
  output.output.type = DataType::kI32;
  test::expect_error(make_l2_normalize(output), StatusCode::kInvalidArgument, "F32");
}

LW_INSTANTIATE_FOR_ISAS(L2NormalizeTest, L2NormalizeKernels);

}  // namespace
}  // namespace lanewise::ops
