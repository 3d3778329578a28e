#pragma once

#include <memory>
#include <vector>

#include "cli/bench/result.hpp"
#include "cli/bench/target.hpp"
#include "cli/progress.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"

namespace lanewise::cli {

/// One combination to measure.
struct BenchPoint {
  Model model;
  std::unique_ptr<BenchTarget> target;
  /// Whoever makes the point sets what it is, load_ms and first_run_ms; measure() the rest.
  BenchResult result;
};

struct MeasureOptions {
  double seconds = 3.0;         ///< to repeat the run of each point for
  int load = 0;                 ///< busy processes in parallel to the runs
  std::vector<double> rates;    ///< of streams of requests
  bool with_read_rate = false;  ///< also measure how fast the threads read main memory
};

/// Milliseconds of one run.
Result<double> timed_run(BenchTarget& target);

/// Measures all points: warms each one up, then runs them in turn in short slices, so that a noisy
/// minute does not hit one point alone, and then profiles each.
///
/// A warm-up runs blocks of at least 5 runs and 50 ms until the medians of two successive ones
/// differ by at most 2 %, for 0.3 seconds at least and 3 at most, and never longer than `seconds`.
Status measure(std::vector<BenchPoint>& points, const MeasureOptions& options, Progress& progress);

}  // namespace lanewise::cli
