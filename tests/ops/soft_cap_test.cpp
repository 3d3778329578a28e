#include "ops/soft_cap/soft_cap.hpp"

#include <cmath>
#include <limits>

#include "ops/soft_cap/soft_cap_kernels.hpp"
#include "tests/ops/op_test.hpp"

namespace lanewise::ops {
namespace {

using test::Matrix;

constexpr double kSoftCapTolerance = 6e-7;  // times |y|

class SoftCapTest : public test::IsaTest {
 protected:
  OperatorConfig config(int64_t dim, double cap = 3) const {
    return {.isa = isa(),
            .attributes = {{"cap", cap}},
            .inputs = {{DataType::kF32, dim}},
            .output = {DataType::kF32, dim}};
  }
};

TEST_P(SoftCapTest, AgreesWithTheReferenceForEverySizeAndAlignment) {
  for (const int64_t dim : test::sizes()) {
    if (dim == 0) continue;
    const auto shift = static_cast<size_t>(dim % 16);
    Matrix<float> x = test::random_matrix(3, dim, 1, 9.0f, shift, 2);
    const OperatorPtr op = test::expect_made(make_soft_cap(config(dim)));
    ASSERT_NE(op, nullptr);
    const Operand inputs[] = {x.operand()};
    const Matrix<float> y =
        test::run_every_way(*op, inputs, Matrix<float>(3, dim, (shift + 5) % 16, 1));
    std::vector<double> expected;
    std::vector<double> bounds;
    for (const float value : x.values()) {
      expected.push_back(3 * std::tanh(double{value} / 3));
      bounds.push_back(kSoftCapTolerance * std::abs(expected.back()));
    }
    ASSERT_TRUE(test::within(y, expected, bounds)) << "dim " << dim;
  }
}

TEST_P(SoftCapTest, TakesSpecialValuesInPlace) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  Matrix<float> x(1, 5);
  x.fill(std::vector<float>{kInf, -kInf, std::numeric_limits<float>::quiet_NaN(), -0.0f, 1e30f});
  const OperatorPtr op = test::expect_made(make_soft_cap(config(5)));
  ASSERT_NE(op, nullptr);
  EXPECT_EQ(op->in_place_input(), 0);
  const Operand inputs[] = {x.operand()};
  test::run_operator(*op, {inputs, x.operand()});
  EXPECT_EQ(x.at(0, 0), 3.0f);
  EXPECT_EQ(x.at(0, 1), -3.0f);
  EXPECT_TRUE(std::isnan(x.at(0, 2)));
  EXPECT_EQ(x.at(0, 3), 0.0f);
  EXPECT_EQ(x.at(0, 4), 3.0f);
  EXPECT_TRUE(x.guards_intact());
}

TEST_P(SoftCapTest, GivesTheSameBitsOnEveryInstructionSet) {
  Matrix<float> x = test::random_matrix(3, 83, 7, 10.0f);
  const OperatorPtr op = test::expect_made(make_soft_cap(config(83)));
  ASSERT_NE(op, nullptr);
  const Operand inputs[] = {x.operand()};
  test::expect_checksum(isa(), test::run_every_way(*op, inputs, Matrix<float>(3, 83)),
                        0x2aabf12e4ceadf8b);
}

TEST_P(SoftCapTest, RefusesWhatDoesNotFit) {
  for (const double cap : {0.0, -1.0, 1e300, std::numeric_limits<double>::quiet_NaN()}) {
    test::expect_error(make_soft_cap(config(8, cap)), StatusCode::kInvalidArgument, "'cap'");
  }
  OperatorConfig other = config(8);
  other.output.features = 9;
  test::expect_error(make_soft_cap(other), StatusCode::kInvalidArgument, "features");
}

LW_INSTANTIATE_FOR_ISAS(SoftCapTest, SoftCapKernels);

}  // namespace
}  // namespace lanewise::ops
