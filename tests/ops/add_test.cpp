#include "ops/add/add.hpp"

#include <cmath>
#include <limits>

#include "ops/add/add_kernels.hpp"
#include "tests/ops/op_test.hpp"

namespace lanewise::ops {
namespace {

using test::Matrix;

constexpr double kAddTolerance = 0x1p-24;  // times |y|: half a unit in the last place

std::vector<double> sum_of(const Matrix<float>& a, const Matrix<float>& b) {
  std::vector<double> y;
  for (int64_t r = 0; r < a.rows(); ++r) {
    for (int64_t i = 0; i < a.features(); ++i) y.push_back(double{a.at(r, i)} + b.at(r, i));
  }
  return y;
}

class AddTest : public test::IsaTest {
 protected:
  OperatorConfig config(int64_t dim) const {
    return {.isa = isa(),
            .inputs = {{DataType::kF32, dim}, {DataType::kF32, dim}},
            .output = {DataType::kF32, dim}};
  }
  OperatorPtr make(int64_t dim) const { return test::expect_made(make_add(config(dim))); }
};

TEST_P(AddTest, AgreesWithTheReferenceForEverySizeAndAlignment) {
  for (const int64_t dim : test::sizes()) {
    if (dim == 0) continue;
    for (size_t shift = 0; shift < 16; shift += 5) {
      Matrix<float> a = test::random_matrix(3, dim, 1, 3.0f, shift, 2);
      Matrix<float> b = test::random_matrix(3, dim, 2, 3.0f, (shift + 3) % 16, 1);
      const OperatorPtr op = make(dim);
      ASSERT_NE(op, nullptr);
      const Operand inputs[] = {a.operand(), b.operand()};
      const Matrix<float> y =
          test::run_every_way(*op, inputs, Matrix<float>(3, dim, (shift + 7) % 16, 3));
      const std::vector<double> expected = sum_of(a, b);
      std::vector<double> bounds;
      for (const double value : expected) bounds.push_back(kAddTolerance * std::abs(value));
      ASSERT_TRUE(test::within(y, expected, bounds)) << "dim " << dim << ", shift " << shift;
    }
  }
}

TEST_P(AddTest, CutsManyRows) {
  const int64_t rows = test::small_sizes() ? 100 : 5000;
  Matrix<float> a = test::random_matrix(rows, 20, 1);
  Matrix<float> b = test::random_matrix(rows, 20, 2);
  const OperatorPtr op = make(20);
  ASSERT_NE(op, nullptr);
  const Operand inputs[] = {a.operand(), b.operand()};
  const Matrix<float> y = test::run_every_way(*op, inputs, Matrix<float>(rows, 20));
  EXPECT_TRUE(test::close_to(y, sum_of(a, b), kAddTolerance));
}

TEST_P(AddTest, TakesNoRows) {
  Matrix<float> a(0, 5);
  Matrix<float> b(0, 5);
  const OperatorPtr op = make(5);
  ASSERT_NE(op, nullptr);
  const Operand inputs[] = {a.operand(), b.operand()};
  test::run_every_way(*op, inputs, Matrix<float>(0, 5));
}

TEST_P(AddTest, TakesSpecialValues) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  Matrix<float> a(1, 5);
  Matrix<float> b(1, 5);
  a.fill(std::vector<float>{kInf, kInf, kNan, -0.0f, -0.0f});
  b.fill(std::vector<float>{1.0f, -kInf, 1.0f, -0.0f, 0.0f});
  const OperatorPtr op = make(5);
  ASSERT_NE(op, nullptr);
  const Operand inputs[] = {a.operand(), b.operand()};
  const Matrix<float> y = test::run_every_way(*op, inputs, Matrix<float>(1, 5));
  EXPECT_EQ(y.at(0, 0), kInf);
  EXPECT_TRUE(std::isnan(y.at(0, 1)));
  EXPECT_TRUE(std::isnan(y.at(0, 2)));
  EXPECT_TRUE(std::signbit(y.at(0, 3)));
  EXPECT_FALSE(std::signbit(y.at(0, 4)));
}

TEST_P(AddTest, WorksInPlaceOfEitherInput) {
  const OperatorPtr op = make(37);
  ASSERT_NE(op, nullptr);
  EXPECT_EQ(op->in_place_input(), 0);
  for (const size_t target : {0u, 1u}) {
    Matrix<float> operands[] = {test::random_matrix(2, 37, 3), test::random_matrix(2, 37, 4)};
    const Operand inputs[] = {operands[0].operand(), operands[1].operand()};
    const Matrix<float> apart = test::run_every_way(*op, inputs, Matrix<float>(2, 37));
    test::run_operator(*op, {inputs, inputs[target]});
    EXPECT_EQ(operands[target].values(), apart.values());
    EXPECT_TRUE(operands[target].guards_intact());
  }
}

TEST_P(AddTest, GivesTheSameBitsOnEveryInstructionSet) {
  Matrix<float> a = test::random_matrix(3, 83, 5);
  Matrix<float> b = test::random_matrix(3, 83, 6);
  const OperatorPtr op = make(83);
  ASSERT_NE(op, nullptr);
  const Operand inputs[] = {a.operand(), b.operand()};
  test::expect_checksum(isa(), test::run_every_way(*op, inputs, Matrix<float>(3, 83)),
                        0xf027357f74f08464);
}

TEST_P(AddTest, RefusesWhatDoesNotFit) {
  OperatorConfig one = config(8);
  one.inputs.pop_back();
  test::expect_error(make_add(one), StatusCode::kInvalidArgument, "inputs");
  OperatorConfig wide = config(8);
  wide.inputs[1].features = 9;
  test::expect_error(make_add(wide), StatusCode::kInvalidArgument, "features");
  OperatorConfig ids = config(8);
  ids.inputs[1].type = DataType::kI32;
  test::expect_error(make_add(ids), StatusCode::kInvalidArgument, "F32");
  OperatorConfig alpha = config(8);
  alpha.attributes.set("alpha", 2.0);
  test::expect_error(make_add(alpha), StatusCode::kInvalidArgument, "'alpha'");
}

LW_INSTANTIATE_FOR_ISAS(AddTest, AddKernels);

}  // namespace
}  // namespace lanewise::ops
