#include "cli/bench/measure.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "cli/allocations.hpp"
#include "cli/bench/machine.hpp"
#include "cli/bench/operators.hpp"
#include "cli/bench/roofline.hpp"
#include "cli/bench/stream.hpp"
#include "cli/busy_load.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

using Clock = std::chrono::steady_clock;

// The clock and the caches settle within a fraction of a second.
constexpr double kShortestWarmUp = 0.3;
constexpr double kLongestWarmUp = 3.0;
constexpr int kFewestWarmUpRuns = 2;
constexpr size_t kFewestBlockRuns = 5;
constexpr double kBlockSeconds = 0.05;
// A median of fewer means nothing, even if runs take longer than the requested time.
constexpr size_t kFewestRuns = 5;
// Times of an hour of 1 ms runs take 30 MB; further runs are measured but not kept.
constexpr size_t kMostRuns = size_t{1} << 22;
// Enough slices for the bootstrap, and each longer than it takes to fill the caches again.
constexpr double kSlicesPerPoint = 40.0;
constexpr double kShortestSlice = 0.01;
constexpr double kLongestSlice = 0.1;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

Status warm_up(BenchPoint& point, double seconds) {
  const double least = std::min(kShortestWarmUp, seconds);
  const double most = std::min(kLongestWarmUp, seconds);
  double before = 0.0;
  std::vector<double> block;
  const auto begin = Clock::now();
  for (auto block_begin = begin;;) {
    LANEWISE_ASSIGN_OR_RETURN(const double time, timed_run(*point.target));
    block.push_back(time);
    ++point.result.warm_up_runs;
    if (block.size() >= kFewestBlockRuns && seconds_since(block_begin) >= kBlockSeconds) {
      const double now = median(std::exchange(block, {}));
      block_begin = Clock::now();
      const bool first = before == 0.0;
      point.result.warm_up_was_steady = first || is_steady(before, now);
      before = now;
      if (!first && point.result.warm_up_was_steady && seconds_since(begin) >= least) return {};
    }
    if (point.result.warm_up_runs >= kFewestWarmUpRuns && seconds_since(begin) >= most) return {};
  }
}

/// A point while it is measured.
struct Course {
  BenchPoint* point;
  double seconds = 0.0;  ///< in slices so far
  int64_t allocations = 0;
  std::optional<double> joules = 0.0;

  bool needs_more(double wanted) const {
    const size_t runs = point->result.times.ms.size();
    return (runs < kFewestRuns || seconds < wanted) && runs < kMostRuns;
  }
};

/// Runs one point for a slice. The first run finds the caches full of another point's data: it is
/// not timed, unless it takes longer than a slice, when this makes no difference.
Status run_slice(Course& course, double slice_seconds, bool alone) {
  BenchTarget& target = *course.point->target;
  RunTimes& times = course.point->result.times;
  const double expected = times.ms.empty() ? course.point->result.first_run_ms : times.ms.front();
  if (!alone && expected / 1e3 < slice_seconds) LANEWISE_RETURN_IF_ERROR(target.run());
  const int64_t allocations_before = allocations();
  const std::optional<double> joules_before = energy_joules();
  const int64_t allocated_by_reading = allocations() - allocations_before;
  const auto begin = Clock::now();
  do {
    LANEWISE_ASSIGN_OR_RETURN(const double time, timed_run(target));
    times.ms.push_back(time);
  } while (seconds_since(begin) < slice_seconds && times.ms.size() < kMostRuns);
  course.seconds += seconds_since(begin);
  course.allocations += allocations() - allocations_before - allocated_by_reading;
  times.slice_ends.push_back(times.ms.size());
  const std::optional<double> joules = energy_between(joules_before, energy_joules());
  course.joules = joules && course.joules ? std::optional(*course.joules + *joules) : std::nullopt;
  return {};
}

/// Runs all points in turn, in slices, every other round in the opposite order.
Status run_in_turn(std::vector<Course>& courses, double seconds, Progress& progress) {
  const double slice = std::clamp(seconds / kSlicesPerPoint, kShortestSlice, kLongestSlice);
  const double all = seconds * static_cast<double>(courses.size());
  for (bool forward = true, more = true; more; forward = !forward) {
    more = false;
    double done = 0.0;
    for (size_t i = 0; i < courses.size(); ++i) {
      Course& course = courses[forward ? i : courses.size() - 1 - i];
      if (!course.needs_more(seconds)) continue;
      LANEWISE_RETURN_IF_ERROR(run_slice(course, slice, courses.size() == 1));
      more = true;
      progress.show([&] {
        done = 0.0;
        for (const Course& each : courses) done += std::min(each.seconds, seconds);
        return fmt::format("measuring {} {}: {:.0f} of {:.0f} s", courses.size(),
                           courses.size() == 1 ? "point" : "points in turn", done, all);
      });
    }
  }
  return {};
}

double peak_rss_mb() {
  struct rusage usage = {};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024.0 / 1e6;  // ru_maxrss is in KiB
}

void finish_times(const Course& course) {
  BenchResult& result = course.point->result;
  const auto runs = static_cast<double>(result.times.ms.size());
  std::vector<double> sorted = result.times.ms;
  std::sort(sorted.begin(), sorted.end());
  result.runs = static_cast<int64_t>(sorted.size());
  result.min_ms = sorted.front();
  result.p50_ms = percentile(sorted, 0.5);
  result.p90_ms = percentile(sorted, 0.9);
  result.p99_ms = percentile(sorted, 0.99);
  result.p99_9_ms = percentile(sorted, 0.999);
  result.p50_interval = median_interval(result.times);
  result.allocations_per_run = static_cast<double>(course.allocations) / runs;
  if (course.joules) result.joules_per_run = *course.joules / runs;
  result.tokens_per_s = static_cast<double>(course.point->target->tokens()) / (result.p50_ms / 1e3);
}

/// The roofline and the profile are measured on an idle machine.
Status run_beside_load(std::vector<Course>& courses, const MeasureOptions& options,
                       Progress& progress) {
  LANEWISE_ASSIGN_OR_RETURN(const BusyLoad load, BusyLoad::start(options.load));
  return run_in_turn(courses, options.seconds, progress);
}

void add_notes(const MachineState& before, const MachineState& after, double peak_change,
               BenchResult& result) {
  result.machine_notes = explain(before, after,
                                 {.threads = result.threads,
                                  .cpus = available_cpus(),
                                  .isa = result.isa,
                                  .best_isa = std::string(available_isas().back()),
                                  .with_load = result.load > 0,
                                  .peak_change = peak_change});
}

Status warm_up_all(std::vector<BenchPoint>& points, double seconds, PeakRates& peaks,
                   Progress& progress) {
  for (size_t i = 0; i < points.size(); ++i) {
    progress.show([&] { return fmt::format("warming up {} of {}", i + 1, points.size()); });
    LANEWISE_RETURN_IF_ERROR(warm_up(points[i], seconds));
    LANEWISE_RETURN_IF_ERROR(peaks.measure_for(points[i].result));
  }
  return {};
}

Status profile(BenchPoint& point, const PeakRates& peaks) {
  LANEWISE_ASSIGN_OR_RETURN(const std::vector<BenchPart> parts,
                            profile_runs(point.model, *point.target, point.result));
  return compare_with_roofline(parts, peaks.best(point.result), point.result);
}

/// Main memory alone counts: far more than caches hold.
Status add_read_rates(std::vector<BenchPoint>& points) {
  constexpr double kReadFromMemory = 1e12;  // limited to some times the last cache
  std::map<int, double> gbps;
  for (BenchPoint& point : points) {
    double& rate = gbps[point.result.threads];
    if (rate == 0.0) {
      LANEWISE_ASSIGN_OR_RETURN(rate,
                                measure_team_read_gbps(kReadFromMemory, point.result.threads));
    }
    point.result.read_gbps = rate;
  }
  return {};
}

Status run_streams(BenchPoint& point, const MeasureOptions& options, Progress& progress) {
  for (const double rate : options.rates) {
    LANEWISE_ASSIGN_OR_RETURN(const StreamResult stream,
                              run_stream(*point.target, rate, options.seconds, progress));
    point.result.streams.push_back(stream);
  }
  return {};
}

}  // namespace

Result<double> timed_run(BenchTarget& target) {
  const auto begin = Clock::now();
  LANEWISE_RETURN_IF_ERROR(target.run());
  return 1e3 * seconds_since(begin);
}

Status measure(std::vector<BenchPoint>& points, const MeasureOptions& options, Progress& progress) {
  PeakRates peaks;
  LANEWISE_RETURN_IF_ERROR(warm_up_all(points, options.seconds, peaks, progress));
  std::vector<Course> courses;
  for (BenchPoint& point : points) {
    point.result.load = options.load;
    // Avoids page faults in the timed runs; the reserve costs address space only.
    point.result.times.ms.reserve(kMostRuns / points.size());
    point.result.times.slice_ends.reserve(kMostRuns / points.size());
    courses.push_back({.point = &point});
  }
  const MachineState before = read_machine_state();
  LANEWISE_RETURN_IF_ERROR(run_beside_load(courses, options, progress));
  const MachineState after = read_machine_state();
  const ProcessMemory memory = process_memory();
  const double peak_mb = peak_rss_mb();
  if (options.with_read_rate) LANEWISE_RETURN_IF_ERROR(add_read_rates(points));
  peaks.start_round();
  for (BenchPoint& point : points) LANEWISE_RETURN_IF_ERROR(peaks.measure_for(point.result));
  for (const Course& course : courses) {
    BenchPoint& point = *course.point;
    progress.show([&] { return std::string("timing each node"); });
    finish_times(course);
    point.result.peak_rss_mb = peak_mb;
    point.result.private_mb = memory.private_mb;
    point.result.pss_mb = memory.pss_mb;
    LANEWISE_RETURN_IF_ERROR(profile(point, peaks));
    LANEWISE_RETURN_IF_ERROR(run_streams(point, options, progress));
    add_notes(before, after, peaks.change(point.result), point.result);
  }
  progress.wipe();
  return {};
}

}  // namespace lanewise::cli
