#include "ops/pool/pool.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/pool/pool_kernels.hpp"
#include "tests/ops/op_test.hpp"

namespace lanewise::ops {
namespace {

using test::Matrix;
using test::Sequences;

constexpr double kPoolTolerance = 6e-8;  // times (length + 3) * mean |x|, for the means
const std::string kKinds[] = {"mean", "sqrt_mean", "weighted_mean", "max", "first", "last"};

struct PoolExpected {
  double y = 0.0;
  double bound = 0.0;
};

PoolExpected reference(const std::string& kind, const Matrix<float>& x, int64_t begin, int64_t end,
                       int64_t i) {
  if (begin == end) return {};
  if (kind == "first") return {x.at(begin, i), 0.0};
  if (kind == "last") return {x.at(end - 1, i), 0.0};
  double sum = 0.0;
  double absolute = 0.0;
  double divisor = 0.0;
  double largest = x.at(begin, i);
  for (int64_t r = begin; r < end; ++r) {
    const double weight = kind == "weighted_mean" ? static_cast<double>(r - begin + 1) : 1.0;
    sum += weight * x.at(r, i);
    absolute += weight * std::abs(x.at(r, i));
    divisor += weight;
    largest = std::max(largest, double{x.at(r, i)});
  }
  if (kind == "max") return {largest, 0.0};
  if (kind == "sqrt_mean") divisor = std::sqrt(divisor);
  const auto length = static_cast<double>(end - begin);
  return {sum / divisor, kPoolTolerance * (length + 3.0) * absolute / divisor};
}

class PoolTest : public test::IsaTest {
 protected:
  OperatorConfig config(const std::string& kind, int64_t dim) const {
    return {.isa = isa(),
            .attributes = {{"kind", kind}},
            .inputs = {{DataType::kF32, dim}},
            .output = {DataType::kF32, dim}};
  }
  Matrix<float> run(const std::string& kind, Matrix<float>& x, const Sequences& sequences,
                    size_t misalignment = 0) const {
    const OperatorPtr op = test::expect_made(make_pool(config(kind, x.features())));
    const RaggedRows ragged = sequences.rows();
    const Operand inputs[] = {x.operand(&ragged)};
    Matrix<float> y(sequences.count(), x.features(), misalignment, 1);
    return op == nullptr ? y : test::run_every_way(*op, inputs, y);
  }
  static ::testing::AssertionResult agrees(const std::string& kind, const Matrix<float>& x,
                                           const Sequences& sequences, const Matrix<float>& y) {
    std::vector<double> expected;
    std::vector<double> bounds;
    for (int64_t s = 0; s < sequences.count(); ++s) {
      for (int64_t i = 0; i < x.features(); ++i) {
        const PoolExpected e = reference(kind, x, sequences.begin(s), sequences.end(s), i);
        expected.push_back(e.y);
        bounds.push_back(e.bound);
      }
    }
    return test::within(y, expected, bounds);
  }
};

TEST_P(PoolTest, AgreesWithTheReferenceForEverySizeAndAlignment) {
  const Sequences sequences{3, 0, 1, 17, 2, 0};
  std::vector<int64_t> dims = test::sizes();
  for (const int64_t dim : {64, 100, 384}) dims.push_back(dim);
  for (const std::string& kind : kKinds) {
    for (const int64_t dim : dims) {
      if (dim == 0) continue;
      const size_t shift = static_cast<size_t>(dim) % 16;
      Matrix<float> x = test::random_matrix(sequences.total(), dim, 1, 3.0f, shift, dim % 2);
      const Matrix<float> y = run(kind, x, sequences, (shift + 9) % 16);
      ASSERT_TRUE(agrees(kind, x, sequences, y)) << kind << ", dim " << dim;
    }
  }
}

TEST_P(PoolTest, CutsManySequences) {
  std::vector<int32_t> lengths;
  test::Random random(2);
  for (int i = 0; i < (test::small_sizes() ? 50 : 500); ++i) lengths.push_back(random.below(40));
  const Sequences sequences(lengths);
  Matrix<float> x = test::random_matrix(sequences.total(), 48, 3);
  for (const std::string& kind : kKinds) {
    EXPECT_TRUE(agrees(kind, x, sequences, run(kind, x, sequences))) << kind;
  }
}

TEST_P(PoolTest, TakesNoSequences) {
  const Sequences sequences(std::span<const int32_t>{});
  const RaggedRows ragged = sequences.rows();
  Matrix<float> x(0, 5);
  Matrix<float> y(0, 5);
  const Operand inputs[] = {x.operand(&ragged)};
  for (const std::string& kind : kKinds) {
    const OperatorPtr op = test::expect_made(make_pool(config(kind, 5)));
    ASSERT_NE(op, nullptr);
    const Operands operands{inputs, y.operand()};
    for (const int threads : {1, 3}) {
      std::vector<Piece> pieces;
      op->cut(operands, threads, pieces);
      EXPECT_TRUE(pieces.empty()) << kind << ", " << threads << " threads";
    }
    EXPECT_EQ(op->flops(operands), 0.0) << kind;
  }
}

TEST_P(PoolTest, TakesSpecialValues) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const Sequences sequences{3};
  Matrix<float> x(3, 5);
  x.fill(std::vector<float>{kNan, 1.0f, 1.0f, -kInf, -0.0f,  //
                            2.0f, kNan, 2.0f, -kInf, -0.0f,  //
                            3.0f, 3.0f, kInf, -kInf, -0.0f});
  const Matrix<float> largest = run("max", x, sequences);
  const Matrix<float> mean = run("mean", x, sequences);
  const Matrix<float> by_root = run("sqrt_mean", x, sequences);
  const Matrix<float> weighted = run("weighted_mean", x, sequences);
  for (const Matrix<float>& y : {largest, mean, by_root, weighted}) {
    EXPECT_TRUE(std::isnan(y.at(0, 0)));
    EXPECT_TRUE(std::isnan(y.at(0, 1)));
    EXPECT_EQ(y.at(0, 2), kInf);
    EXPECT_EQ(y.at(0, 3), -kInf);
    EXPECT_TRUE(std::signbit(y.at(0, 4)));
  }
}

TEST_P(PoolTest, GivesTheSameBitsOnEveryInstructionSet) {
  const Sequences sequences{7, 3, 1, 30};
  Matrix<float> x = test::random_matrix(sequences.total(), 83, 4);
  test::expect_checksum(isa(), run("mean", x, sequences), 0x36a9757a587d17e3);
  test::expect_checksum(isa(), run("sqrt_mean", x, sequences), 0xf60c43222dafd435);
  test::expect_checksum(isa(), run("weighted_mean", x, sequences), 0x1966fb952212617d);
  test::expect_checksum(isa(), run("max", x, sequences), 0xfbfe4a94b95a38b4);
}

TEST_P(PoolTest, RefusesWhatDoesNotFit) {
  test::expect_error(make_pool(config("median", 8)), StatusCode::kUnsupported, "median");
  OperatorConfig missing = config("mean", 8);
  missing.attributes = {};
  test::expect_error(make_pool(missing), StatusCode::kInvalidArgument, "'kind'");
  OperatorConfig other = config("mean", 8);
  other.output.features = 9;
  test::expect_error(make_pool(other), StatusCode::kInvalidArgument, "features");
}

LW_INSTANTIATE_FOR_ISAS(PoolTest, PoolKernels);

}  // namespace
}  // namespace lanewise::ops
