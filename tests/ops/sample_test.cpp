#include "ops/sample/sample.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "ops/sample/sample_kernels.hpp"
#include "tests/ops/op_test.hpp"

namespace lanewise::ops {

bool operator==(const Candidate& a, const Candidate& b) {
  return a.index == b.index && a.value == b.value;
}
void PrintTo(const Candidate& c, std::ostream* out) { *out << c.value << " at " << c.index; }

namespace {

using test::Matrix;

constexpr float kSampleInf = std::numeric_limits<float>::infinity();
constexpr float kSampleNan = std::numeric_limits<float>::quiet_NaN();

// The bound of log_sum_exp() is the first plus the second times the magnitude of the result.
constexpr double kLogTolerance = 1.5e-6;
constexpr double kLogRelativeTolerance = 1e-7;
// The bound of weights() is this times 1 plus the magnitude of the exponent.
constexpr double kWeightTolerance = 4e-7;

std::span<const float> row(const Matrix<float>& x) {
  return {x.row(0), static_cast<size_t>(x.features())};
}

double reference_log_sum_exp(std::span<const float> x) {
  const double m = x.empty() ? 0.0 : static_cast<double>(*std::max_element(x.begin(), x.end()));
  double sum = 0.0;
  for (const float value : x) sum += std::exp(static_cast<double>(value) - m);
  return m + std::log(sum);
}

std::vector<Candidate> reference_top_k(std::span<const float> x, size_t k) {
  std::vector<Candidate> all;
  for (size_t i = 0; i < x.size(); ++i) {
    if (x[i] > -kSampleInf) all.push_back({x[i], static_cast<int32_t>(i)});
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Candidate& a, const Candidate& b) { return a.value > b.value; });
  all.resize(std::min(all.size(), k));
  return all;
}

/// The sizes of the other tests, sizes around a block of the scan, and vocabularies.
std::vector<int64_t> row_sizes() {
  std::vector<int64_t> sizes = test::sizes();
  for (const int64_t size : {63, 64, 65, 127, 255, 256, 257, 1000}) sizes.push_back(size);
  if (!test::small_sizes()) sizes.insert(sizes.end(), {32000, 50257});
  return sizes;
}

class SampleTest : public test::IsaTest {
 protected:
  Sampling sampling() const { return Sampling(isa()); }

  std::vector<Candidate> top_k(std::span<const float> x, size_t k) const {
    std::vector<Candidate> best(k, {kSampleNan, -1});
    best.resize(sampling().top_k(x, best));
    return best;
  }
};

TEST_P(SampleTest, LogSumExpAgreesWithTheReferenceForEverySizeAndAlignment) {
  for (const int64_t size : row_sizes()) {
    const size_t shift = static_cast<size_t>(size) % 16;
    for (const float scale : {1.0f, 30.0f, 1e4f}) {
      const Matrix<float> x = test::random_matrix(1, size, 1, scale, shift);
      const double expected = reference_log_sum_exp(row(x));
      const double found = static_cast<double>(sampling().log_sum_exp(row(x)));
      if (size == 0) {
        EXPECT_EQ(found, -std::numeric_limits<double>::infinity());
        continue;
      }
      ASSERT_NEAR(found, expected, kLogTolerance + kLogRelativeTolerance * std::abs(expected))
          << "size " << size << ", scale " << scale;
    }
  }
}

TEST_P(SampleTest, LogSumExpDoesNotOverflow) {
  const std::vector<float> large(20, 3e38f);
  EXPECT_EQ(sampling().log_sum_exp(large), 3e38f);
  const std::vector<float> low(20, -3e38f);
  EXPECT_EQ(sampling().log_sum_exp(low), -3e38f);
}

TEST_P(SampleTest, LogSumExpOfSpecialValues) {
  for (const size_t size : {1, 16, 17, 300}) {
    std::vector<float> x(size, -kSampleInf);
    EXPECT_EQ(sampling().log_sum_exp(x), -kSampleInf) << size;
    for (size_t place = 0; place < size; ++place) {
      x[place] = 2.5f;
      EXPECT_EQ(sampling().log_sum_exp(x), 2.5f) << size << " " << place;
      for (const float special : {kSampleNan, kSampleInf}) {
        x[place] = special;
        EXPECT_TRUE(std::isnan(sampling().log_sum_exp(x))) << size << " " << place;
      }
      x[place] = -kSampleInf;
    }
  }
}

TEST_P(SampleTest, TopKIsTheReferences) {
  for (const int64_t size : row_sizes()) {
    const Matrix<float> x = test::random_matrix(1, size, 2, 10.0f, static_cast<size_t>(size) % 16);
    for (const size_t k : {0, 1, 2, 8, 63, 300}) {
      ASSERT_EQ(top_k(row(x), k), reference_top_k(row(x), k)) << "size " << size << ", k " << k;
    }
    ASSERT_EQ(sampling().argmax(row(x)),
              size == 0 ? 0 : static_cast<size_t>(reference_top_k(row(x), 1)[0].index));
  }
}

TEST_P(SampleTest, TopKInEveryOrder) {
  const size_t size = test::small_sizes() ? 200 : 5000;
  std::vector<float> ascending(size);
  std::iota(ascending.begin(), ascending.end(), -100.0f);
  const std::vector<float> descending(ascending.rbegin(), ascending.rend());
  for (const size_t k : {1, 8, 100}) {
    EXPECT_EQ(top_k(ascending, k), reference_top_k(ascending, k)) << k;
    EXPECT_EQ(top_k(descending, k), reference_top_k(descending, k)) << k;
  }
}

TEST_P(SampleTest, EqualScoresComeInTheOrderOfTheirIndices) {
  test::Random random(3);
  for (const int32_t kinds : {1, 2, 5}) {
    std::vector<float> x(333);
    for (float& value : x) value = static_cast<float>(random.below(kinds));
    for (const size_t k : {1, 7, 100, 333, 400}) {
      EXPECT_EQ(top_k(x, k), reference_top_k(x, k)) << kinds << " " << k;
    }
  }
  // 0 and -0 are equal.
  const std::vector<float> zeros{-0.0f, 0.0f, -0.0f};
  EXPECT_EQ(sampling().argmax(zeros), 0u);
}

TEST_P(SampleTest, NanAndMinusInfinityAreNotChosen) {
  for (const size_t size : {1, 5, 16, 64, 70, 200}) {
    std::vector<float> x(size, kSampleNan);
    EXPECT_EQ(sampling().argmax(x), size);
    EXPECT_TRUE(top_k(x, 3).empty());
    for (size_t i = 0; i < size; i += 2) x[i] = -kSampleInf;
    EXPECT_EQ(sampling().argmax(x), size);
    for (size_t place = 0; place < size; ++place) {
      const float before = x[place];
      for (const float value : {-3e38f, kSampleInf}) {
        x[place] = value;
        EXPECT_EQ(sampling().argmax(x), place);
        EXPECT_EQ(top_k(x, 3), (std::vector<Candidate>{{value, static_cast<int32_t>(place)}}));
      }
      x[place] = before;
    }
  }
}

TEST_P(SampleTest, WeightsAgreeWithTheReference) {
  for (const int64_t size : row_sizes()) {
    const size_t shift = static_cast<size_t>(size) % 16;
    const Matrix<float> x = test::random_matrix(1, size, 4, 8.0f, shift);
    for (const double temperature : {0.3, 1.0, 5.0}) {
      Matrix<float> y(1, size, (shift + 5) % 16);
      const double sum = sampling().weights(row(x), temperature, y.row(0));
      ASSERT_TRUE(y.guards_intact());
      const double m = size == 0 ? 0.0 : static_cast<double>(reference_top_k(row(x), 1)[0].value);
      double expected_sum = 0.0;
      for (int64_t i = 0; i < size; ++i) {
        const double exponent = (static_cast<double>(x.at(0, i)) - m) / temperature;
        const double expected = std::exp(exponent);
        expected_sum += expected;
        ASSERT_NEAR(static_cast<double>(y.at(0, i)), expected,
                    kWeightTolerance * (1.0 - exponent) * expected)
            << "size " << size << ", temperature " << temperature << ", at " << i;
      }
      ASSERT_NEAR(sum, expected_sum, 1e-5 * expected_sum);
    }
  }
}

TEST_P(SampleTest, WeightsOfExtremeTemperatures) {
  std::vector<float> x(40, 1.0f);
  x[17] = std::nextafter(1.0f, 2.0f);
  x[3] = -kSampleInf;
  std::vector<float> y(x.size());
  for (const double temperature : {1e-30, 1e-300}) {
    EXPECT_EQ(sampling().weights(x, temperature, y.data()), 1.0);
    for (size_t i = 0; i < y.size(); ++i) EXPECT_EQ(y[i], i == 17 ? 1.0f : 0.0f);
  }
  EXPECT_EQ(sampling().weights(x, 1e300, y.data()), 39.0);
  EXPECT_EQ(y[3], 0.0f);
}

TEST_P(SampleTest, WeightsMayReplaceTheScores) {
  const Matrix<float> x = test::random_matrix(1, 83, 5, 4.0f, 3);
  std::vector<float> apart(83);
  const double sum = sampling().weights(row(x), 0.7, apart.data());
  Matrix<float> y = x;
  EXPECT_EQ(sampling().weights(row(y), 0.7, y.row(0)), sum);
  EXPECT_EQ(y.values(), apart);
  EXPECT_TRUE(y.guards_intact());
}

TEST_P(SampleTest, DrawFindsTheElementOfEachTarget) {
  for (const size_t size : {1, 15, 16, 17, 100, 333}) {
    test::Random random(size);
    // Sums of small integers are exact, so every boundary is exact.
    std::vector<float> w(size);
    for (float& weight : w) weight = static_cast<float>(random.below(4));
    w[size / 2] = 2.0f;
    double sum = 0.0;
    for (size_t i = 0; i < size; ++i) {
      for (double target = sum; target < sum + static_cast<double>(w[i]); target += 0.5) {
        ASSERT_EQ(sampling().draw(w, target), i) << "size " << size << ", target " << target;
      }
      sum += static_cast<double>(w[i]);
    }
    // Beyond the end: the last one with a weight.
    size_t last = size;
    while (w[last - 1] == 0.0f) --last;
    EXPECT_EQ(sampling().draw(w, sum), last - 1);
    EXPECT_EQ(sampling().draw(w, 2.0 * sum), last - 1);
    EXPECT_EQ(sampling().draw(std::vector<float>(size, 0.0f), 0.0), size);
  }
  EXPECT_EQ(sampling().draw({}, 0.0), 0u);
}

TEST_P(SampleTest, DrawNeverTakesAWeightOfZero) {
  // Rounding decides which block contains a target near a boundary.
  test::Random random(11);
  std::vector<float> w(1000);
  for (float& weight : w) weight = random.below(3) == 0 ? std::abs(random.uniform()) : 0.0f;
  double sum = 0.0;
  for (const float weight : w) sum += static_cast<double>(weight);
  for (int i = 0; i <= 20000; ++i) {
    const size_t drawn = sampling().draw(w, sum * i / 20000.0);
    ASSERT_LT(drawn, w.size());
    ASSERT_GT(w[drawn], 0.0f) << i;
  }
}

TEST_P(SampleTest, DrawTakesTheLastWeightWhereTheSumOfABlockIsRoundedUp) {
  // In f32 the sum is 1 + 2^-23; the exact sum is lower by three quarters of that step.
  std::vector<float> w(20, 0.0f);
  w[3] = 1.0f;
  w[5] = 0x1.8p-24f;
  EXPECT_EQ(sampling().draw(w, 1.0 + 0x1.dp-24), 5u);
}

TEST_P(SampleTest, GivesTheSameBitsOnEveryInstructionSet) {
  Matrix<float> y(2, 1003);
  const Matrix<float> x = test::random_matrix(1, 1003, 7, 12.0f);
  const double sum = sampling().weights(row(x), 0.8, y.row(0));
  for (int64_t i = 0; i < y.features(); ++i) y.at(1, i) = 0.0f;
  y.at(1, 0) = sampling().log_sum_exp(row(x));
  y.at(1, 1) = static_cast<float>(sum);
  y.at(1, 2) = static_cast<float>(sum - static_cast<double>(y.at(1, 1)));
  test::expect_checksum(isa(), y, 0x5ed737d599d31230);
}

LW_INSTANTIATE_FOR_ISAS(SampleTest, SampleKernels);

}  // namespace
}  // namespace lanewise::ops
