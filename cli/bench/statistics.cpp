#include "cli/bench/statistics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <utility>

namespace lanewise::cli {
namespace {

constexpr int kResamples = 1000;
// The interval's ends are then accurate to a few percent of its width.
constexpr size_t kFewestSlices = 20;
constexpr size_t kFewestPairs = 10;
constexpr size_t kMostPieces = 50;
// Of more times every k-th of the sorted ones: their medians differ by less than the clock's step.
constexpr size_t kMostSorted = 65'536;
constexpr double kSteady = 0.02;
constexpr uint64_t kSeed = 42;

/// How often each block was drawn.
using Counts = std::vector<int64_t>;

/// Ends of up to kMostPieces pieces of equal size.
std::vector<size_t> piece_ends(size_t count) {
  const size_t pieces = std::min(count, kMostPieces);
  std::vector<size_t> ends(pieces);
  for (size_t i = 0; i < pieces; ++i) ends[i] = count * (i + 1) / pieces;
  return ends;
}

/// Times in ascending order that remember their block.
class SortedBlocks {
 public:
  SortedBlocks(const std::vector<double>& values, const std::vector<size_t>& ends)
      : blocks_(ends.size()) {
    std::vector<Value> all;
    all.reserve(values.size());
    for (size_t block = 0, i = 0; block < ends.size(); ++block) {
      for (; i < ends[block]; ++i) all.push_back({values[i], block});
    }
    std::sort(all.begin(), all.end(), [](const Value& a, const Value& b) { return a.ms < b.ms; });
    const size_t step = (all.size() + kMostSorted - 1) / kMostSorted;
    for (size_t i = step / 2; i < all.size(); i += step) sorted_.push_back(all[i]);
  }

  size_t blocks() const { return blocks_; }

  /// The median of the drawn blocks' runs; that of all if the drawn blocks are empty.
  double median(const Counts& counts) const {
    int64_t all = 0;
    for (const Value& value : sorted_) all += counts[value.block];
    const int64_t rank = std::max<int64_t>((all + 1) / 2, 1);
    int64_t seen = 0;
    for (const Value& value : sorted_) {
      seen += counts[value.block];
      if (seen >= rank) return value.ms;
    }
    return sorted_[(sorted_.size() - 1) / 2].ms;
  }

 private:
  struct Value {
    double ms;
    size_t block;
  };
  size_t blocks_;
  std::vector<Value> sorted_;
};

/// The standard defines the generator but not the distributions: hence the remainder.
void draw(std::mt19937_64& random, Counts& counts) {
  std::fill(counts.begin(), counts.end(), 0);
  for (size_t i = 0; i < counts.size(); ++i) ++counts[random() % counts.size()];
}

Interval middle_95_percent(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {percentile(values, 0.025), percentile(values, 0.975)};
}

SortedBlocks blocks_of(const RunTimes& times) {
  const bool use_slices = times.slice_ends.size() >= kFewestSlices;
  return {times.ms, use_slices ? times.slice_ends : piece_ends(times.ms.size())};
}

/// How many slices of both were measured beside each other; 0: too few.
size_t pairs_of(const RunTimes& first, const RunTimes& second) {
  const size_t pairs = std::min(first.slice_ends.size(), second.slice_ends.size());
  return pairs >= kFewestPairs ? pairs : 0;
}

/// The first `count` slices.
SortedBlocks first_slices(const RunTimes& times, size_t count) {
  const auto end = times.slice_ends.begin() + static_cast<std::ptrdiff_t>(count);
  return {times.ms, {times.slice_ends.begin(), end}};
}

}  // namespace

double percentile(const std::vector<double>& values, double p) {
  const double rank = std::ceil(p * static_cast<double>(values.size()));
  return values[static_cast<size_t>(std::max(rank, 1.0)) - 1];
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return percentile(values, 0.5);
}

Interval median_interval(const RunTimes& times) {
  const SortedBlocks blocks = blocks_of(times);
  std::mt19937_64 random(kSeed);
  Counts counts(blocks.blocks());
  std::vector<double> medians(kResamples);
  for (double& resampled : medians) {
    draw(random, counts);
    resampled = blocks.median(counts);
  }
  return middle_95_percent(std::move(medians));
}

Ratio ratio_of_medians(const RunTimes& first, const RunTimes& second) {
  const size_t pairs = pairs_of(first, second);
  const bool paired = pairs > 0;
  const SortedBlocks first_blocks = paired ? first_slices(first, pairs) : blocks_of(first);
  const SortedBlocks second_blocks = paired ? first_slices(second, pairs) : blocks_of(second);
  std::mt19937_64 random(kSeed);
  Counts first_counts(first_blocks.blocks());
  Counts second_counts(second_blocks.blocks());
  std::vector<double> ratios(kResamples);
  for (double& ratio : ratios) {
    draw(random, first_counts);
    if (paired) {
      second_counts = first_counts;
    } else {
      draw(random, second_counts);
    }
    ratio = first_blocks.median(first_counts) / second_blocks.median(second_counts);
  }
  return {median(first.ms) / median(second.ms), middle_95_percent(std::move(ratios))};
}

bool is_steady(double before_ms, double now_ms) {
  return std::abs(now_ms - before_ms) <= kSteady * before_ms;
}

}  // namespace lanewise::cli
