#include "ops/softmax/softmax.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/softmax/softmax_kernels.hpp"
#include "tests/ops/op_test.hpp"

namespace lanewise::ops {
namespace {

using test::Matrix;

constexpr double kSoftmaxTolerance = 3e-7;
constexpr float kSoftmaxInf = std::numeric_limits<float>::infinity();

std::vector<double> reference(const Matrix<float>& x, double scale) {
  std::vector<double> y;
  for (int64_t r = 0; r < x.rows(); ++r) {
    const double m = *std::max_element(x.row(r), x.row(r) + x.features());
    double sum = 0.0;
    for (int64_t i = 0; i < x.features(); ++i) sum += std::exp(scale * (x.at(r, i) - m));
    for (int64_t i = 0; i < x.features(); ++i) {
      y.push_back(std::exp(scale * (x.at(r, i) - m)) / sum);
    }
  }
  return y;
}

class SoftmaxTest : public test::IsaTest {
 protected:
  OperatorConfig config(int64_t dim, double scale = 1.0) const {
    return {.isa = isa(),
            .attributes = {{"scale", scale}},
            .inputs = {{DataType::kF32, dim}},
            .output = {DataType::kF32, dim}};
  }
  Matrix<float> run(Matrix<float>& x, double scale, size_t misalignment = 0) const {
    const OperatorPtr op = test::expect_made(make_softmax(config(x.features(), scale)));
    const Operand inputs[] = {x.operand()};
    Matrix<float> y(x.rows(), x.features(), misalignment, 1);
    return op == nullptr ? y : test::run_every_way(*op, inputs, y);
  }
};

TEST_P(SoftmaxTest, AgreesWithTheReferenceForEverySizeAndAlignment) {
  std::vector<int64_t> dims = test::sizes();
  for (const int64_t dim : {100, 1000, 4096}) {
    if (!test::small_sizes() || dim == 100) dims.push_back(dim);
  }
  for (const int64_t dim : dims) {
    if (dim == 0) continue;
    const size_t shift = static_cast<size_t>(dim) % 16;
    Matrix<float> x = test::random_matrix(5, dim, 1, 10.0f, shift, dim % 2);
    for (const double scale : {1.0, 0.125, 3.5}) {
      const Matrix<float> y = run(x, scale, (shift + 9) % 16);
      const std::vector<double> expected = reference(x, scale);
      ASSERT_TRUE(
          test::within(y, expected, std::vector<double>(expected.size(), kSoftmaxTolerance)))
          << "dim " << dim << ", scale " << scale;
    }
  }
}

TEST_P(SoftmaxTest, DoesNotOverflow) {
  Matrix<float> x(2, 20);
  for (int64_t i = 0; i < 20; ++i) {
    x.at(0, i) = i == 7 ? 3e38f : -3e38f;
    x.at(1, i) = 1e4f;
  }
  const Matrix<float> y = run(x, 1.0);
  for (int64_t i = 0; i < 20; ++i) {
    EXPECT_EQ(y.at(0, i), i == 7 ? 1.0f : 0.0f);
    EXPECT_NEAR(y.at(1, i), 0.05, kSoftmaxTolerance);
  }
}

TEST_P(SoftmaxTest, GivesZerosWhereEverythingIsMasked) {
  for (const int64_t dim : {1, 16, 19}) {
    Matrix<float> x(3, dim);
    for (int64_t i = 0; i < dim; ++i) {
      x.at(0, i) = -kSoftmaxInf;
      x.at(1, i) = i == dim - 1 ? -5.0f : -kSoftmaxInf;
      x.at(2, i) = -0.0f;
    }
    const Matrix<float> y = run(x, 2.0);
    for (int64_t i = 0; i < dim; ++i) {
      EXPECT_EQ(y.at(0, i), 0.0f);
      EXPECT_EQ(y.at(1, i), i == dim - 1 ? 1.0f : 0.0f);
      EXPECT_NEAR(y.at(2, i), 1.0 / static_cast<double>(dim), kSoftmaxTolerance);
    }
  }
}

TEST_P(SoftmaxTest, TurnsRowsWithNanOrInfinityIntoNan) {
  for (int64_t place = 0; place < 35; ++place) {
    Matrix<float> x = test::random_matrix(3, 35, 2, 50.0f);
    x.at(0, place) = std::numeric_limits<float>::quiet_NaN();
    x.at(1, place) = kSoftmaxInf;
    for (int64_t i = 0; i < 35; ++i) x.at(2, i) = i == place ? x.at(0, place) : -kSoftmaxInf;
    const Matrix<float> y = run(x, 1.0);
    for (const float value : y.values()) ASSERT_TRUE(std::isnan(value)) << place;
  }
}

TEST_P(SoftmaxTest, WorksInPlace) {
  Matrix<float> x = test::random_matrix(4, 83, 5, 4.0f, 3);
  const OperatorPtr op = test::expect_made(make_softmax(config(83)));
  ASSERT_NE(op, nullptr);
  EXPECT_EQ(op->in_place_input(), 0);
  const Matrix<float> apart = run(x, 1.0);
  const Operand inputs[] = {x.operand()};
  test::run_operator(*op, {inputs, x.operand()});
  EXPECT_EQ(x.values(), apart.values());
  EXPECT_TRUE(x.guards_intact());
}

TEST_P(SoftmaxTest, GivesTheSameBitsOnEveryInstructionSet) {
  Matrix<float> x = test::random_matrix(3, 211, 7, 20.0f);
  test::expect_checksum(isa(), run(x, 1.0), 0xdad5c61e78fd0817);
}

TEST_P(SoftmaxTest, RefusesWhatDoesNotFit) {
  for (const double scale : {0.0, -1.0, double{kSoftmaxInf}, std::nan("")}) {
    test::expect_error(make_softmax(config(8, scale)), StatusCode::kInvalidArgument, "'scale'");
  }
  OperatorConfig other = config(8);
  other.inputs[0].features = 9;
  test::expect_error(make_softmax(other), StatusCode::kInvalidArgument, "features");
  OperatorConfig axis = config(8);
  axis.attributes.set("axis", int64_t{0});
  test::expect_error(make_softmax(axis), StatusCode::kInvalidArgument, "'axis'");
}

LW_INSTANTIATE_FOR_ISAS(SoftmaxTest, SoftmaxKernels);

}  // namespace
}  // namespace lanewise::ops
