#include "converters/quantize/quantize_rows.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace lanewise::converters {
namespace {

/// Normal weights with a few large ones, as trained models have them.
std::vector<float> trained_weights(int64_t n, int64_t k, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, 0.05F);
  std::vector<float> w(static_cast<size_t>(n * k));
  for (float& x : w) x = normal(random) * (random() % 100 == 0 ? 6.0F : 1.0F);
  return w;
}

double squared_error(const std::vector<float>& w, const std::vector<float>& approximated,
                     const std::vector<float>& importance = {}) {
  double error = 0;
  for (size_t i = 0; i < w.size(); ++i) {
    const double d = static_cast<double>(w[i]) - approximated[i];
    error += d * d * (importance.empty() ? 1.0F : importance[i % importance.size()]);
  }
  return error;
}

std::vector<float> int8_by_maximum(const std::vector<float>& w, int64_t k) {
  std::vector<float> result = w;
  for (auto row = result.begin(); row != result.end(); row += k) {
    float most = 0;
    for (auto x = row; x != row + k; ++x) most = std::max(most, std::abs(*x));
    for (auto x = row; x != row + k; ++x) *x = std::nearbyint(*x / (most / 127)) * (most / 127);
  }
  return result;
}

std::vector<float> int4_by_range(const std::vector<float>& w, int64_t k, int64_t group) {
  std::vector<float> result = w;
  for (auto row = result.begin(); row != result.end(); row += k) {
    for (int64_t begin = 0; begin < k; begin += group) {
      const auto first = row + begin;
      const auto last = row + std::min(k, begin + group);
      const float low = *std::min_element(first, last);
      const float scale = (*std::max_element(first, last) - low) / 15;
      for (auto x = first; x != last; ++x) {
        if (scale > 0) *x = std::nearbyint((*x - low) / scale) * scale + low;
      }
    }
  }
  return result;
}

TEST(QuantizeRowsTest, Int8IsNeverWorseThanTheMaximum) {
  for (const int64_t k : {1, 7, 8, 33, 384, 1000}) {
    for (unsigned seed = 0; seed < 5; ++seed) {
      const std::vector<float> w = trained_weights(1, k, seed);
      const double found = squared_error(w, dequantize(quantize_int8(w, 1, k)));
      EXPECT_LE(found, squared_error(w, int8_by_maximum(w, k)) * 1.0001 + 1e-15) << k;
    }
  }
}

TEST(QuantizeRowsTest, Int8ClipsALoneGiantWhenItsInputDoesNotMatter) {
  std::vector<float> w = trained_weights(1, 64, 1);
  for (float& x : w) x = std::abs(x);
  w[5] = 1.4F * *std::max_element(w.begin(), w.end());
  std::vector<float> importance(64, 1.0F);
  importance[5] = 0.0F;
  const std::vector<float> clipped = dequantize(quantize_int8(w, 1, 64, importance));
  EXPECT_LT(clipped[5], w[5] * 0.9F);
  const std::vector<float> plain = dequantize(quantize_int8(w, 1, 64));
  EXPECT_LT(squared_error(w, clipped, importance), squared_error(w, plain, importance) * 0.8);
}

TEST(QuantizeRowsTest, Int4IsNeverWorseThanTheRangeAndMuchBetterOverall) {
  for (const int64_t group : {32, 64, 128}) {
    for (const int64_t k : {1, 31, 32, 100, 384}) {
      double found = 0, plain = 0;
      for (unsigned seed = 0; seed < 10; ++seed) {
        const std::vector<float> w = trained_weights(1, k, seed);
        const double error = squared_error(w, dequantize(quantize_int4(w, 1, k, group)));
        const double by_range = squared_error(w, int4_by_range(w, k, group));
        // k = 1 is exact either way, up to a rounding of the minimum.
        EXPECT_LE(error, by_range * 1.001 + 1e-12) << group << " " << k;
        found += error;
        plain += by_range;
      }
      if (k >= 100) {
        EXPECT_LT(found, plain * 0.9) << group << " " << k;
      }
    }
  }
}

TEST(QuantizeRowsTest, KnownSmallCases) {
  const std::vector<float> w = {127, -127, 1, 0, -64, 2};
  const QuantizedMatrix int8 = quantize_int8(w, 2, 3);
  EXPECT_EQ(int8.values, (std::vector<int8_t>{127, -127, 1, 0, -127, 4}));
  EXPECT_EQ(int8.scales[0], 1.0F);
  EXPECT_NEAR(int8.scales[1], 64.0F / 127, 1e-6F);
  EXPECT_EQ(int8.group, 3);

  std::vector<float> steps(16);
  for (size_t i = 0; i < 16; ++i) steps[i] = 3.0F + 0.5F * static_cast<float>(i);
  const QuantizedMatrix int4 = quantize_int4(steps, 1, 16, 32);
  EXPECT_NEAR(int4.scales[0], 0.5F, 1e-6F);
  EXPECT_NEAR(int4.minimums[0], 3.0F, 1e-5F);
  for (int i = 0; i < 16; ++i) EXPECT_EQ(int4.values[static_cast<size_t>(i)], i);
}

TEST(QuantizeRowsTest, SymmetricInt4HasNoMinimumsAndReachesTheExtreme) {
  for (const float sign : {1.0F, -1.0F}) {
    const std::vector<float> w = {8 * sign, -7 * sign, 1 * sign, 0, 3 * sign};
    const QuantizedMatrix matrix = quantize_int4(w, 1, 5, 32, Minimums::kNone);
    EXPECT_TRUE(matrix.minimums.empty());
    EXPECT_LT(squared_error(w, dequantize(matrix)), 1e-9) << sign;
  }
}

TEST(QuantizeRowsTest, EachGroupIsRoundedByTheImportanceOfItsOwnInputs) {
  const std::vector<float> w = trained_weights(1, 64, 5);
  std::vector<float> importance(64, 1.0F);
  for (size_t i = 32; i < 64; ++i) importance[i] = i % 8 == 0 ? 1000.0F : 0.001F;
  const QuantizedMatrix whole = quantize_int4(w, 1, 64, 32, Minimums::kStored, importance);
  const std::span<const float> half = std::span(w).last(32);
  const QuantizedMatrix second =
      quantize_int4(half, 1, 32, 32, Minimums::kStored, std::span(importance).last(32));
  EXPECT_EQ(whole.scales[1], second.scales[0]);
  EXPECT_EQ(whole.minimums[1], second.minimums[0]);
  EXPECT_NE(second.scales[0], quantize_int4(half, 1, 32, 32).scales[0]);
}

TEST(QuantizeRowsTest, GroupsOfARowThatDoesNotFitAreCeiled) {
  const std::vector<float> w = trained_weights(3, 70, 2);
  const QuantizedMatrix matrix = quantize_int4(w, 3, 70, 32);
  EXPECT_EQ(matrix.scales.size(), 9U);
  EXPECT_EQ(matrix.minimums.size(), 9U);
  EXPECT_EQ(matrix.values.size(), 210U);
}

TEST(QuantizeRowsTest, ExtremesStayFinite) {
  constexpr float kMost = 1e37F;
  constexpr float kLeast = std::numeric_limits<float>::denorm_min();
  const std::vector<std::vector<float>> rows = {
      {0, 0, 0, 0},           {-0.0F, 0, -0.0F, 0},
      {kMost, -kMost, 0, 1},  {kLeast, -kLeast, 0, kLeast},
      {kMost, kLeast, 1, -1}, {2.5F, 2.5F, 2.5F, 2.5F}};
  for (const std::vector<float>& w : rows) {
    float most = 1e-30F;
    for (const float x : w) most = std::max(most, std::abs(x));
    for (const QuantizedMatrix& matrix : {quantize_int8(w, 1, 4), quantize_int4(w, 1, 4, 32),
                                          quantize_int4(w, 1, 4, 32, Minimums::kNone)}) {
      const std::vector<float> back = dequantize(matrix);
      for (size_t i = 0; i < 4; ++i) {
        ASSERT_TRUE(std::isfinite(back[i])) << w[0] << " " << i;
        EXPECT_LE(std::abs(static_cast<double>(back[i]) - w[i]), 0.15 * most) << w[0] << " " << i;
      }
    }
  }
  EXPECT_EQ(dequantize(quantize_int4(rows.back(), 1, 4, 32)), rows.back());
}

TEST(QuantizeRowsTest, InputsThatWereNeverSeenAreRoundedAllTheSame) {
  const std::vector<float> w = trained_weights(1, 64, 3);
  const std::vector<float> nothing(64, 0.0F);
  EXPECT_LT(squared_error(w, dequantize(quantize_int8(w, 1, 64, nothing))),
            squared_error(w, int8_by_maximum(w, 64)) * 1.0001);
  EXPECT_EQ(quantize_int4(w, 1, 64, 32, Minimums::kStored, nothing).values,
            quantize_int4(w, 1, 64, 32).values);
}

TEST(QuantizeRowsTest, NamesWhatIsNotFinite) {
  std::vector<float> w(12, 1.0F);
  EXPECT_TRUE(check_finite("a.weight", w, 4).ok());
  w[6] = std::numeric_limits<float>::quiet_NaN();
  const Status status = check_finite("a.weight", w, 4);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(),
            "weights of 'a.weight': element [1, 2] is not a number; only f32 can represent it");
  w[6] = -std::numeric_limits<float>::infinity();
  EXPECT_NE(check_finite("a.weight", w, 4).message().find("is infinite"), std::string::npos);
  w[6] = 2e37F;
  EXPECT_NE(check_finite("a.weight", w, 4).message().find("beyond 1e37"), std::string::npos);
}

}  // namespace
}  // namespace lanewise::converters
