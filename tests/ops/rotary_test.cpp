#include "ops/rotary/rotary.hpp"

#include <cmath>

#include "ops/rotary/rotary_kernels.hpp"
#include "tests/ops/op_test.hpp"

namespace lanewise::ops {
namespace {

using test::Matrix;

constexpr double kRotaryTolerance = 2e-7;

struct RotaryShapes {
  int64_t heads = 2;
  int64_t head_dim = 10;
  int64_t pairs = 5;
  int64_t more = 0;  ///< features behind the heads
  bool interleaved = false;

  int64_t features() const { return heads * head_dim + more; }
};

class RotaryTest : public test::IsaTest {
 protected:
  OperatorConfig config(const RotaryShapes& s) const {
    return {.isa = isa(),
            .attributes = {{"heads", s.heads},
                           {"head_dim", s.head_dim},
                           {"interleaved", s.interleaved}},
            .inputs = {{DataType::kF32, s.features()}, {DataType::kF32, 2 * s.pairs}},
            .output = {DataType::kF32, s.features()}};
  }
  OperatorPtr make(const RotaryShapes& s) const {
    return test::expect_made(make_rotary(config(s)));
  }
};

::testing::AssertionResult agrees(const RotaryShapes& s, const Matrix<float>& x,
                                  const Matrix<float>& angles, const Matrix<float>& y) {
  std::vector<double> expected;
  std::vector<double> bounds;
  for (int64_t r = 0; r < x.rows(); ++r) {
    for (int64_t i = 0; i < s.features(); ++i) {
      const int64_t in_head = i % s.head_dim;
      const int64_t head = i / s.head_dim * s.head_dim;
      if (i >= s.heads * s.head_dim || in_head >= 2 * s.pairs) {
        expected.push_back(x.at(r, i));
        bounds.push_back(0);
        continue;
      }
      const int64_t pair = s.interleaved ? in_head / 2 : in_head % s.pairs;
      const bool second = s.interleaved ? in_head % 2 == 1 : in_head >= s.pairs;
      const double a = x.at(r, head + (s.interleaved ? 2 * pair : pair));
      const double b = x.at(r, head + (s.interleaved ? 2 * pair + 1 : s.pairs + pair));
      const double cosine = angles.at(r, pair), sine = angles.at(r, s.pairs + pair);
      expected.push_back(second ? b * cosine + a * sine : a * cosine - b * sine);
      bounds.push_back(kRotaryTolerance * (std::abs(a) + std::abs(b)) *
                       std::max(std::abs(cosine), std::abs(sine)));
    }
  }
  return test::within(y, expected, bounds);
}

TEST_P(RotaryTest, AgreesWithTheDefinitionForEverySizeAndAlignment) {
  for (const bool interleaved : {false, true}) {
    for (const int64_t pairs : test::sizes()) {
      if (pairs == 0) continue;
      for (const int64_t copied : {0, 1, 19}) {
        const RotaryShapes s{2, 2 * pairs + copied, pairs, copied, interleaved};
        const auto shift = static_cast<size_t>(pairs % 16);
        Matrix<float> x = test::random_matrix(3, s.features(), 1, 3.0f, shift, 2);
        Matrix<float> angles = test::random_matrix(3, 2 * pairs, 2, 1.0f, (shift + 3) % 16, 1);
        const OperatorPtr op = make(s);
        ASSERT_NE(op, nullptr);
        const Operand inputs[] = {x.operand(), angles.operand()};
        const Matrix<float> y =
            test::run_every_way(*op, inputs, Matrix<float>(3, s.features(), (shift + 7) % 16, 3));
        ASSERT_TRUE(agrees(s, x, angles, y))
            << "pairs " << pairs << ", copied " << copied << ", interleaved " << interleaved;
      }
    }
  }
}

TEST_P(RotaryTest, WorksInPlace) {
  for (const bool interleaved : {false, true}) {
    const RotaryShapes s{3, 43, 20, 11, interleaved};
    Matrix<float> x = test::random_matrix(4, s.features(), 5);
    Matrix<float> angles = test::random_matrix(4, 40, 6);
    const OperatorPtr op = make(s);
    ASSERT_NE(op, nullptr);
    EXPECT_EQ(op->in_place_input(), 0);
    const Operand inputs[] = {x.operand(), angles.operand()};
    const Matrix<float> apart = test::run_every_way(*op, inputs, Matrix<float>(4, s.features()));
    test::run_operator(*op, {inputs, x.operand()});
    EXPECT_EQ(x.values(), apart.values());
    EXPECT_TRUE(x.guards_intact());
  }
}

TEST_P(RotaryTest, GivesTheSameBitsOnEveryInstructionSet) {
  const RotaryShapes s{2, 70, 33, 5};
  Matrix<float> x = test::random_matrix(3, s.features(), 7, 4.0f);
  Matrix<float> angles = test::random_matrix(3, 66, 8);
  const OperatorPtr op = make(s);
  ASSERT_NE(op, nullptr);
  const Operand inputs[] = {x.operand(), angles.operand()};
  test::expect_checksum(isa(), test::run_every_way(*op, inputs, Matrix<float>(3, s.features())),
                        0xb1f9dbc8f10ed3a4);
}

TEST_P(RotaryTest, RefusesWhatDoesNotFit) {
  const auto expect = [&](const RotaryShapes& s, const char* text) {
    test::expect_error(make_rotary(config(s)), StatusCode::kInvalidArgument, text);
  };
  expect({.heads = 0}, "'heads'");
  expect({.head_dim = -1}, "'head_dim'");
  expect({.heads = int64_t{1} << 40}, "'heads'");
  expect({.pairs = 6}, "at most head_dim = 10");
  expect({.more = -1}, "at least heads * head_dim = 20");
  OperatorConfig odd = config({});
  odd.inputs[1].features = 7;
  test::expect_error(make_rotary(odd), StatusCode::kInvalidArgument, "even number");
  OperatorConfig other = config({});
  other.output.features = 21;
  test::expect_error(make_rotary(other), StatusCode::kInvalidArgument, "20 features");
  OperatorConfig alone = config({});
  alone.inputs.pop_back();
  test::expect_error(make_rotary(alone), StatusCode::kInvalidArgument, "inputs");
}

LW_INSTANTIATE_FOR_ISAS(RotaryTest, RotaryKernels);

}  // namespace
}  // namespace lanewise::ops
