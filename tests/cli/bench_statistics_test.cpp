#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "cli/bench/arrivals.hpp"
#include "cli/bench/statistics.hpp"

namespace lanewise::cli {
namespace {

/// Approximately normal: the sum of 12 uniform numbers, around `middle`.
std::vector<double> noisy_times(size_t count, double middle, double spread, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<double> times(count);
  for (double& time : times) {
    double sum = -6.0;
    for (int i = 0; i < 12; ++i) sum += static_cast<double>(random() >> 11) * 0x1p-53;
    time = middle + spread * sum;
  }
  return times;
}

/// Slices of `size` runs.
std::vector<size_t> slices_of(size_t count, size_t size) {
  std::vector<size_t> ends;
  for (size_t end = size; end <= count; end += size) ends.push_back(end);
  return ends;
}

TEST(BenchStatistics, PercentilesAreMembers) {
  const std::vector<double> values = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  EXPECT_EQ(percentile(values, 0.5), 5);
  EXPECT_EQ(percentile(values, 0.9), 9);
  EXPECT_EQ(percentile(values, 0.99), 10);
  EXPECT_EQ(percentile(values, 0.0), 1);
  EXPECT_EQ(percentile(values, 1.0), 10);
  EXPECT_EQ(percentile({7}, 0.999), 7);
  EXPECT_EQ(median({9, 1, 5}), 5);
  EXPECT_EQ(median({4, 1, 3, 2}), 2);
}

TEST(BenchStatistics, TheIntervalIsThatOfTheTheory) {
  // The median of n normal times has a standard error of 1.2533 * spread / sqrt(n).
  const RunTimes times{noisy_times(4000, 10.0, 1.0, 1), {}};
  const Interval interval = median_interval(times);
  EXPECT_LT(interval.low, median(times.ms));
  EXPECT_GT(interval.high, median(times.ms));
  const double expected = 2 * 1.96 * 1.2533 / std::sqrt(4000.0);
  EXPECT_NEAR(interval.high - interval.low, expected, 0.35 * expected);
}

TEST(BenchStatistics, MostIntervalsContainTheTruth) {
  int contain = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    const Interval interval = median_interval({noisy_times(300, 10.0, 1.0, seed), {}});
    contain += interval.low <= 10.0 && 10.0 <= interval.high ? 1 : 0;
  }
  EXPECT_GE(contain, 88) << "of 100; 95 are expected";
}

TEST(BenchStatistics, TheSameTimesGiveTheSameInterval) {
  const RunTimes times{noisy_times(500, 3.0, 0.2, 2), {}};
  const Interval first = median_interval(times);
  const Interval second = median_interval(times);
  EXPECT_EQ(first.low, second.low);
  EXPECT_EQ(first.high, second.high);
}

/// If whole slices are slow, the runs tell less than as many independent ones.
TEST(BenchStatistics, SlicesThatDifferWidenTheInterval) {
  std::vector<double> ms;
  const std::vector<double> levels = noisy_times(40, 10.0, 1.0, 3);
  for (const double level : levels) {
    for (const double time : noisy_times(50, level, 0.01, 4)) ms.push_back(time);
  }
  const Interval of_slices = median_interval({ms, slices_of(ms.size(), 50)});
  std::mt19937_64 random(5);
  std::shuffle(ms.begin(), ms.end(), random);
  const Interval of_runs = median_interval({ms, {}});
  EXPECT_GT(of_slices.high - of_slices.low, 2.0 * (of_runs.high - of_runs.low));
}

TEST(BenchStatistics, FewAndManyTimes) {
  const Interval one = median_interval({{2.5}, {1}});
  EXPECT_EQ(one.low, 2.5);
  EXPECT_EQ(one.high, 2.5);
  const Interval two = median_interval({{1.0, 2.0}, {}});
  EXPECT_EQ(two.low, 1.0);
  EXPECT_EQ(two.high, 2.0);
  const Interval many = median_interval({noisy_times(200'000, 5.0, 0.5, 6), {}});
  EXPECT_NEAR(many.low, 5.0, 0.01);
  EXPECT_NEAR(many.high, 5.0, 0.01);
}

TEST(BenchStatistics, RatiosOfMedians) {
  const size_t runs = 2000;
  const RunTimes slow{noisy_times(runs, 12.0, 0.5, 7), slices_of(runs, 50)};
  const RunTimes fast{noisy_times(runs, 10.0, 0.5, 8), slices_of(runs, 50)};
  const Ratio ratio = ratio_of_medians(slow, fast);
  EXPECT_NEAR(ratio.value, 1.2, 0.01);
  EXPECT_LT(ratio.interval.low, 1.2);
  EXPECT_GT(ratio.interval.high, 1.19);
  EXPECT_GT(ratio.interval.low, 1.18);
  const Ratio inverse = ratio_of_medians(fast, slow);
  EXPECT_NEAR(inverse.value, 1.0 / ratio.value, 1e-9);
}

/// What slows down both sides of a pair says nothing about their ratio.
TEST(BenchStatistics, PairsCancelWhatTheyShare) {
  std::vector<double> first, second;
  const std::vector<double> levels = noisy_times(40, 10.0, 1.0, 9);
  for (size_t i = 0; i < levels.size(); ++i) {
    for (const double time : noisy_times(25, levels[i], 0.05, 10 + i)) first.push_back(time);
    for (const double time : noisy_times(25, levels[i], 0.05, 90 + i)) second.push_back(time);
  }
  const Ratio paired =
      ratio_of_medians({first, slices_of(first.size(), 25)}, {second, slices_of(first.size(), 25)});
  const Ratio apart = ratio_of_medians({first, {}}, {second, {}});
  EXPECT_LT(paired.interval.high - paired.interval.low,
            0.25 * (apart.interval.high - apart.interval.low));
  EXPECT_NEAR(paired.value, 1.0, 0.02);
}

TEST(BenchStatistics, SteadyMeansTwoPercent) {
  EXPECT_TRUE(is_steady(10.0, 10.1));
  EXPECT_TRUE(is_steady(10.0, 9.81));
  EXPECT_FALSE(is_steady(10.0, 9.7));
  EXPECT_FALSE(is_steady(10.0, 10.3));
}

TEST(BenchArrivals, ArePoisson) {
  const double rate = 50.0;
  const double seconds = 400.0;
  const std::vector<double> times = poisson_arrivals(rate, seconds);
  EXPECT_TRUE(std::is_sorted(times.begin(), times.end()));
  EXPECT_GE(times.front(), 0.0);
  EXPECT_LT(times.back(), seconds);
  const auto count = static_cast<double>(times.size());
  EXPECT_NEAR(count, rate * seconds, 5 * std::sqrt(rate * seconds));
  // Gaps are exponential: mean and standard deviation are equal, and 1 / e exceed the mean.
  double sum = 0, squares = 0, long_gaps = 0;
  for (size_t i = 1; i < times.size(); ++i) {
    const double gap = times[i] - times[i - 1];
    sum += gap;
    squares += gap * gap;
    long_gaps += gap > 1.0 / rate ? 1 : 0;
  }
  const double mean = sum / (count - 1);
  EXPECT_NEAR(mean, 1.0 / rate, 0.03 / rate);
  EXPECT_NEAR(std::sqrt(squares / (count - 1) - mean * mean), mean, 0.05 * mean);
  EXPECT_NEAR(long_gaps / (count - 1), std::exp(-1.0), 0.02);
}

TEST(BenchArrivals, AreTheSameEveryTime) {
  EXPECT_EQ(poisson_arrivals(3.0, 10.0), poisson_arrivals(3.0, 10.0));
  EXPECT_EQ(poisson_arrivals(1e-9, 0.01).size(), 1u) << "there is at least one request";
}

}  // namespace
}  // namespace lanewise::cli
