#pragma once

#include <cstddef>
#include <vector>

namespace lanewise::cli {

/// Times of runs in the order in which they were measured, divided into slices: runs that followed
/// each other directly, so that what disturbs one disturbs its neighbours too.
struct RunTimes {
  std::vector<double> ms;
  std::vector<size_t> slice_ends;  ///< indices behind the last run of each slice; may be empty
};

/// A 95 % confidence interval.
struct Interval {
  double low = 0.0;
  double high = 0.0;
};

/// A ratio of two medians, first over second.
struct Ratio {
  double value = 1.0;
  Interval interval{1.0, 1.0};
};

/// The smallest of the sorted `values` that is at least a fraction `p` of them. At least one value.
double percentile(const std::vector<double>& values, double p);

/// The median, by that rule. At least one value.
double median(std::vector<double> values);

/// The interval of the median by a block bootstrap: as many blocks as there are, drawn with
/// replacement 1,000 times, and the median of their runs each time. Neighbouring runs are not independent, so blocks
/// are the slices, or where there are fewer than 20 of these, up to 50 pieces of the series.
///
/// The seed is fixed: the same times give the same interval. At least one time.
/// Source: Künsch 1989, The jackknife and the bootstrap for general stationary observations.
Interval median_interval(const RunTimes& times);

/// The median of `first` over that of `second`, with the interval by the same bootstrap. If both
/// have at least 10 slices, slice i of one was measured beside slice i of the other: they are drawn
/// together, and what slows both down cancels out. At least one time in each.
Ratio ratio_of_medians(const RunTimes& first, const RunTimes& second);

/// Whether a warm-up may end: the median of the last block of runs differs from that of the block
/// before by at most 2 %.
bool is_steady(double before_ms, double now_ms);

}  // namespace lanewise::cli
