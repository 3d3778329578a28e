#include "ops/activation/activation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/activation/activation_kernels.hpp"
#include "tests/ops/activation_reference.hpp"
#include "tests/ops/op_test.hpp"

namespace lanewise::ops {
namespace {

using test::Matrix;

constexpr double kActivationTolerance = 4e-7;  // times max(1, |x|, |y|)
constexpr double kActivationInf = std::numeric_limits<double>::infinity();
constexpr double kActivationNan = std::numeric_limits<double>::quiet_NaN();

struct Function {
  std::string name;
  std::vector<double> special;  // at inf, -inf, NaN, 0, -0, 200, -200, 1e30f, -1e30
  uint64_t checksum;
  double special_error = 0;  // for special values that f32 cannot represent
};

// The special values are PyTorch 2's.
const std::vector<Function>& functions() {
  static const std::vector<Function> kFunctions = {
      {"relu", {kActivationInf, 0, kActivationNan, 0, 0, 200, 0, 1e30f, 0}, 0x135b1d84430d3500},
      {"gelu",
       {kActivationInf, kActivationNan, kActivationNan, 0, 0, 200, 0, 1e30f, 0},
       0xd712694f9ffd8033},
      {"gelu_tanh",
       {kActivationInf, kActivationNan, kActivationNan, 0, 0, 200, 0, 1e30f, 0},
       0x36585885ee7f9e5e},
      {"gelu_10", {10, kActivationNan, kActivationNan, 0, 0, 10, 0, 10, 0}, 0xd712694f9ffd8033},
      {"quick_gelu",
       {kActivationInf, kActivationNan, kActivationNan, 0, 0, 200, 0, 1e30f, 0},
       0x7f16e39f9e1b32fb},
      {"mish",
       {kActivationInf, kActivationNan, kActivationNan, 0, 0, 200, 0, 1e30f, 0},
       0x7ac09b13e3e01f5f},
      {"hard_swish",
       {kActivationInf, kActivationNan, kActivationNan, 0, 0, 200, 0, 1.00000009060533e30, 0},
       0x4ce5938087d1f643},
      {"relu2",
       {kActivationInf, 0, kActivationNan, 0, 0, 40000, 0, kActivationInf, 0},
       0x96c5dd5977802d51},
      {"relu6", {6, 0, kActivationNan, 0, 0, 6, 0, 6, 0}, 0x86cfa4642b5457b8},
      {"leaky_relu",
       {kActivationInf, -kActivationInf, kActivationNan, 0, 0, 200, -2, 1e30f, -1e30f * 0.01f},
       0x9319dd17a846b5bc},
      {"sigmoid", {1, 0, kActivationNan, 0.5, 0.5, 1, 0, 1, 0}, 0xd7300960d0a0eb7b},
      {"laplace",
       {1, 0, kActivationNan, 0.0060944602, 0.0060944602, 1, 0, 1, 0},
       0xce3a4f7367d70813,
       kActivationTolerance},
      {"silu",
       {kActivationInf, kActivationNan, kActivationNan, 0, 0, 200, 0, 1e30f, 0},
       0xc413c2199928e968},
      {"tanh", {1, -1, kActivationNan, 0, 0, 1, -1, 1, -1}, 0x852ff1e58a789a3},
      {"none",
       {kActivationInf, -kActivationInf, kActivationNan, 0, 0, 200, -200, 1e30f, -1e30f},
       0x96dc9472f12541f9},
  };
  return kFunctions;
}

class ActivationTest : public test::IsaTest {
 protected:
  OperatorConfig config(const std::string& kind, int64_t dim) const {
    return {.isa = isa(),
            .attributes = {{"kind", kind}},
            .inputs = {{DataType::kF32, dim}},
            .output = {DataType::kF32, dim}};
  }
  OperatorPtr make(const std::string& kind, int64_t dim) const {
    return test::expect_made(make_activation(config(kind, dim)));
  }
  static ::testing::AssertionResult agrees(const Function& function, const Matrix<float>& x,
                                           const Matrix<float>& y) {
    std::vector<double> expected;
    std::vector<double> bounds;
    for (const double value : x.values()) {
      expected.push_back(test::activate(function.name, value));
      bounds.push_back(kActivationTolerance *
                       std::max({1.0, std::abs(value), std::abs(expected.back())}));
    }
    return test::within(y, expected, bounds);
  }
};

TEST_P(ActivationTest, AgreesWithTheReferenceForEverySizeAndAlignment) {
  for (const Function& function : functions()) {
    for (const int64_t dim : test::sizes()) {
      if (dim == 0) continue;
      const size_t shift = static_cast<size_t>(dim) % 16;
      Matrix<float> x = test::random_matrix(3, dim, 1, 6.0f, shift, dim % 3);
      const OperatorPtr op = make(function.name, dim);
      ASSERT_NE(op, nullptr);
      const Operand inputs[] = {x.operand()};
      const Matrix<float> y =
          test::run_every_way(*op, inputs, Matrix<float>(3, dim, (shift * 7 + 3) % 16, 1));
      ASSERT_TRUE(agrees(function, x, y)) << function.name << dim;
    }
  }
}

TEST_P(ActivationTest, AgreesWithTheReferenceOverTheRange) {
  const int64_t rows = test::small_sizes() ? 4 : 128;
  for (const Function& function : functions()) {
    Matrix<float> x(rows, 1024);
    for (int64_t i = 0; i < rows * 1024; ++i) {
      x.at(i / 1024, i % 1024) =
          -12.0f + 24.0f * static_cast<float>(i) / (1024.0f * static_cast<float>(rows));
    }
    const OperatorPtr op = make(function.name, 1024);
    ASSERT_NE(op, nullptr);
    const Operand inputs[] = {x.operand()};
    const Matrix<float> y = test::run_every_way(*op, inputs, Matrix<float>(rows, 1024));
    EXPECT_TRUE(agrees(function, x, y)) << function.name;
  }
}

TEST_P(ActivationTest, TakesSpecialValuesAsPyTorchDoes) {
  constexpr float kInput[] = {std::numeric_limits<float>::infinity(),
                              -std::numeric_limits<float>::infinity(),
                              std::numeric_limits<float>::quiet_NaN(),
                              0.0f,
                              -0.0f,
                              200.0f,
                              -200.0f,
                              1e30f,
                              -1e30f};
  for (const Function& function : functions()) {
    Matrix<float> x(1, std::ssize(kInput));
    x.fill(kInput);
    const OperatorPtr op = make(function.name, std::ssize(kInput));
    ASSERT_NE(op, nullptr);
    const Operand inputs[] = {x.operand()};
    const Matrix<float> y = test::run_every_way(*op, inputs, Matrix<float>(1, std::ssize(kInput)));
    EXPECT_TRUE(test::within(y, function.special,
                             std::vector<double>(std::size(kInput), function.special_error)))
        << function.name;
  }
}

TEST_P(ActivationTest, WorksInPlace) {
  Matrix<float> x = test::random_matrix(2, 37, 2, 3.0f);
  const OperatorPtr op = make("gelu", 37);
  ASSERT_NE(op, nullptr);
  EXPECT_EQ(op->in_place_input(), 0);
  const Operand inputs[] = {x.operand()};
  const Matrix<float> apart = test::run_every_way(*op, inputs, Matrix<float>(2, 37));
  test::run_operator(*op, {inputs, x.operand()});
  EXPECT_EQ(x.values(), apart.values());
  EXPECT_TRUE(x.guards_intact());
}

TEST_P(ActivationTest, GivesTheSameBitsOnEveryInstructionSet) {
  for (const Function& function : functions()) {
    Matrix<float> x = test::random_matrix(2, 83, 3, 8.0f);
    const OperatorPtr op = make(function.name, 83);
    ASSERT_NE(op, nullptr);
    const Operand inputs[] = {x.operand()};
    SCOPED_TRACE(function.name);
    test::expect_checksum(isa(), test::run_every_way(*op, inputs, Matrix<float>(2, 83)),
                          function.checksum);
  }
}

TEST_P(ActivationTest, RefusesWhatDoesNotFit) {
  test::expect_error(make_activation(config("swishy", 4)), StatusCode::kUnsupported, "gelu_tanh");
  OperatorConfig missing = config("relu", 4);
  missing.attributes = {};
  test::expect_error(make_activation(missing), StatusCode::kInvalidArgument, "'kind'");
  OperatorConfig number = config("relu", 4);
  number.attributes = {{"kind", int64_t{3}}};
  test::expect_error(make_activation(number), StatusCode::kInvalidArgument, "'kind'");
  OperatorConfig extra = config("relu", 4);
  extra.attributes.set("slope", 0.1);
  test::expect_error(make_activation(extra), StatusCode::kInvalidArgument, "'slope'");
  OperatorConfig other = config("relu", 4);
  other.output.features = 5;
  test::expect_error(make_activation(other), StatusCode::kInvalidArgument, "features");
  OperatorConfig none_at_all = config("relu", 0);
  test::expect_error(make_activation(none_at_all), StatusCode::kInvalidArgument, "positive");
  OperatorConfig ids = config("relu", 4);
  ids.inputs[0].type = DataType::kI32;
  test::expect_error(make_activation(ids), StatusCode::kInvalidArgument, "F32");
  OperatorConfig two = config("relu", 4);
  two.inputs.push_back(two.inputs[0]);
  test::expect_error(make_activation(two), StatusCode::kInvalidArgument, "inputs");
}

LW_INSTANTIATE_FOR_ISAS(ActivationTest, ActivationKernels);

}  // namespace
}  // namespace lanewise::ops
