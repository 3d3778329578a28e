#include "ops/weighted_sum/weighted_sum.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "ops/weighted_sum/weighted_sum_kernels.hpp"
#include "tests/ops/op_test.hpp"

namespace lanewise::ops {
namespace {

using test::Matrix;

constexpr double kWeightedSumTolerance = 0x1p-23;  // times the operands and their magnitudes' sum

class WeightedSumTest : public test::IsaTest {
 protected:
  OperatorConfig config(int64_t dim, size_t inputs) const {
    OperatorConfig result{.isa = isa(), .output = {DataType::kF32, dim}};
    result.inputs.assign(inputs, {DataType::kF32, dim});
    result.weights["weight"] = {DataType::kF32, weights_.data(), {static_cast<int64_t>(inputs)}};
    return result;
  }
  OperatorPtr make(int64_t dim, size_t inputs) const {
    return test::expect_made(make_weighted_sum(config(dim, inputs)));
  }

  void expect_sum(const std::vector<Matrix<float>>& xs, const Matrix<float>& y) const {
    std::vector<double> expected, bounds;
    for (int64_t r = 0; r < y.rows(); ++r) {
      for (int64_t i = 0; i < y.features(); ++i) {
        double sum = 0, magnitude = 0;
        for (size_t k = 0; k < xs.size(); ++k) {
          const double term = double{weights_[k]} * xs[k].at(r, i);
          sum += term;
          magnitude += std::abs(term);
        }
        expected.push_back(sum);
        bounds.push_back(kWeightedSumTolerance * static_cast<double>(xs.size()) * magnitude);
      }
    }
    EXPECT_TRUE(test::within(y, expected, bounds));
  }

  static std::vector<Operand> operands_of(std::vector<Matrix<float>>& xs) {
    std::vector<Operand> operands;
    for (Matrix<float>& x : xs) operands.push_back(x.operand());
    return operands;
  }

  const std::vector<float> weights_ = test::Random(5).floats(16, 2.0f);
};

TEST_P(WeightedSumTest, AgreesWithTheReferenceForEverySizeAndAlignment) {
  for (const int64_t dim : test::sizes()) {
    if (dim == 0) continue;
    for (const size_t inputs : {1U, 2U, 5U}) {
      std::vector<Matrix<float>> xs;
      for (size_t k = 0; k < inputs; ++k) {
        xs.push_back(test::random_matrix(3, dim, k + 1, 3.0f, (5 * k + 3) % 16,
                                         static_cast<int64_t>(k % 3)));
      }
      const OperatorPtr op = make(dim, inputs);
      ASSERT_NE(op, nullptr);
      expect_sum(xs, test::run_every_way(*op, operands_of(xs), Matrix<float>(3, dim, 7, 3)));
    }
  }
}

TEST_P(WeightedSumTest, CutsManyRows) {
  const int64_t rows = test::small_sizes() ? 100 : 5000;
  std::vector<Matrix<float>> xs;
  for (uint64_t k = 0; k < 4; ++k) xs.push_back(test::random_matrix(rows, 20, k));
  const OperatorPtr op = make(20, xs.size());
  ASSERT_NE(op, nullptr);
  expect_sum(xs, test::run_every_way(*op, operands_of(xs), Matrix<float>(rows, 20)));
}

TEST_P(WeightedSumTest, TakesTheSameOperandTwice) {
  std::vector<Matrix<float>> xs = {test::random_matrix(2, 19, 1), test::random_matrix(2, 19, 1)};
  const OperatorPtr op = make(19, 2);
  ASSERT_NE(op, nullptr);
  EXPECT_EQ(op->in_place_input(), -1);
  const Operand twice[] = {xs[0].operand(), xs[0].operand()};
  expect_sum(xs, test::run_every_way(*op, twice, Matrix<float>(2, 19)));
}

TEST_P(WeightedSumTest, TakesNoRows) {
  std::vector<Matrix<float>> xs = {Matrix<float>(0, 5), Matrix<float>(0, 5)};
  const OperatorPtr op = make(5, 2);
  ASSERT_NE(op, nullptr);
  test::run_every_way(*op, operands_of(xs), Matrix<float>(0, 5));
}

TEST_P(WeightedSumTest, TakesSpecialValues) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  std::vector<Matrix<float>> xs = {Matrix<float>(1, 4), Matrix<float>(1, 4)};
  xs[0].fill(std::vector<float>{kInf, kInf, kNan, -0.0f});
  xs[1].fill(std::vector<float>{1.0f, -kInf, 1.0f, -0.0f});
  const std::vector<float> ones = {1.0f, 1.0f};
  OperatorConfig of_ones = config(4, 2);
  of_ones.weights["weight"].data = ones.data();
  const OperatorPtr op = test::expect_made(make_weighted_sum(of_ones));
  ASSERT_NE(op, nullptr);
  const Matrix<float> y = test::run_every_way(*op, operands_of(xs), Matrix<float>(1, 4));
  EXPECT_EQ(y.at(0, 0), kInf);
  EXPECT_TRUE(std::isnan(y.at(0, 1)));
  EXPECT_TRUE(std::isnan(y.at(0, 2)));
  EXPECT_TRUE(std::signbit(y.at(0, 3)));
}

TEST_P(WeightedSumTest, GivesTheSameBitsOnEveryInstructionSet) {
  std::vector<Matrix<float>> xs;
  for (uint64_t k = 0; k < 5; ++k) xs.push_back(test::random_matrix(3, 83, k + 7));
  const OperatorPtr op = make(83, xs.size());
  ASSERT_NE(op, nullptr);
  test::expect_checksum(isa(), test::run_every_way(*op, operands_of(xs), Matrix<float>(3, 83)),
                        0x7f67ccb707e3d6f9);
}

TEST_P(WeightedSumTest, RefusesWhatDoesNotFit) {
  OperatorConfig none = config(8, 2);
  none.inputs.clear();
  test::expect_error(make_weighted_sum(none), StatusCode::kInvalidArgument, "inputs");
  OperatorConfig wide = config(8, 2);
  wide.inputs[1].features = 9;
  test::expect_error(make_weighted_sum(wide), StatusCode::kInvalidArgument, "features");
  OperatorConfig short_weight = config(8, 3);
  short_weight.weights["weight"].shape = {2};
  test::expect_error(make_weighted_sum(short_weight), StatusCode::kInvalidArgument, "'weight'");
  OperatorConfig bias = config(8, 2);
  bias.weights["bias"] = bias.weights["weight"];
  test::expect_error(make_weighted_sum(bias), StatusCode::kInvalidArgument, "'bias'");
  OperatorConfig alpha = config(8, 2);
  alpha.attributes.set("alpha", 2.0);
  test::expect_error(make_weighted_sum(alpha), StatusCode::kInvalidArgument, "'alpha'");
}

LW_INSTANTIATE_FOR_ISAS(WeightedSumTest, WeightedSumKernels);

}  // namespace
}  // namespace lanewise::ops
