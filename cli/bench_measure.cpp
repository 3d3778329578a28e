#include "cli/bench_measure.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <span>
#include <thread>
#include <utility>

#include "cli/allocations.hpp"
#include "cli/busy_load.hpp"
#include "lanewise/cpu.hpp"
#include "lanewise/inspect.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

using Clock = std::chrono::steady_clock;

// Two cores read this in 10 ms: long enough to average over fluctuations of the memory.
constexpr size_t kReadBytes = size_t{256} << 20;
// The amount read at a time, and the least that can be measured.
constexpr auto kLeastSlice = static_cast<size_t>(lanewise::kLeastReadBytes);
// The clock and the caches settle within a fraction of a second.
constexpr double kWarmUpSeconds = 0.3;
constexpr int kFewestWarmUpRuns = 2;
// A median of fewer means nothing, even if runs take longer than the requested time.
constexpr size_t kFewestRuns = 5;
// Times of an hour of 1 ms runs take 30 MB; further runs are measured but not kept.
constexpr size_t kMostRuns = size_t{1} << 22;
// A single run's profile may contain an interruption; shares are over this many runs.
constexpr int kProfiledRuns = 5;
constexpr double kRooflineSeconds = 0.15;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// All threads measure at the same time, as they share cores, power and memory.
template <typename Measure>
Result<double> sum_over_team(int threads, const Measure& measure) {
  std::vector<Result<double>> parts(static_cast<size_t>(threads), Result<double>(0.0));
  std::vector<std::thread> team;
  for (size_t i = 1; i < parts.size(); ++i) team.emplace_back([&, i] { parts[i] = measure(i); });
  parts[0] = measure(0);
  for (std::thread& thread : team) thread.join();
  double sum = 0.0;
  for (const Result<double>& part : parts) {
    if (!part.ok()) return part.status();
    sum += *part;
  }
  return sum;
}

Result<double> measure_gops(std::string_view isa, Arithmetic arithmetic, int threads) {
  return sum_over_team(
      threads, [&](size_t) { return measure_peak_gops(isa, arithmetic, kRooflineSeconds); });
}

/// Whether that many bytes are enough to measure: fewer are always in some cache.
bool counts(double bytes) { return bytes >= static_cast<double>(kLeastSlice); }

/// Over as much memory as a step reads, so that caches hold the same fraction of it.
Result<double> measure_team_read_gbps(double bytes, int threads) {
  const auto l3 = static_cast<size_t>(cache_sizes().l3);
  const double most = static_cast<double>(std::max(kReadBytes, 4 * l3));
  const auto share = static_cast<size_t>(std::min(bytes, most)) / static_cast<size_t>(threads);
  const size_t part = std::max(share, kLeastSlice) / sizeof(float);
  const std::vector<float> memory(part * static_cast<size_t>(threads), 1.0f);
  const size_t rounds = kReadBytes / (memory.size() * sizeof(float)) + 1;
  return sum_over_team(threads, [&](size_t i) -> Result<double> {
    double best = 0.0;
    for (size_t round = 0; round < rounds; ++round) {
      LANEWISE_ASSIGN_OR_RETURN(const double rate,
                                measure_read_gbps(std::span(memory).subspan(i * part, part)));
      best = std::max(best, rate);
    }
    return best;
  });
}

/// The smallest of the sorted `values` that is at least a fraction `p` of them.
double percentile(const std::vector<double>& values, double p) {
  const double rank = std::ceil(p * static_cast<double>(values.size()));
  return values[static_cast<size_t>(std::max(rank, 1.0)) - 1];
}

/// Milliseconds of one run.
Result<double> timed_run(BenchTarget& target) {
  const auto begin = Clock::now();
  LANEWISE_RETURN_IF_ERROR(target.run());
  return 1e3 * seconds_since(begin);
}

Status warm_up(BenchTarget& target, double seconds) {
  const auto begin = Clock::now();
  for (int i = 0; i < kFewestWarmUpRuns || seconds_since(begin) < seconds; ++i) {
    LANEWISE_RETURN_IF_ERROR(target.run());
  }
  return {};
}

Status measure_runs(BenchTarget& target, double seconds, BenchResult& result) {
  std::vector<double> times;
  // Avoids page faults in the timed runs; the reserve costs address space only.
  times.reserve(kMostRuns);
  const int64_t allocations_before = allocations();
  const auto begin = Clock::now();
  while ((times.size() < kFewestRuns || seconds_since(begin) < seconds) &&
         times.size() < kMostRuns) {
    LANEWISE_ASSIGN_OR_RETURN(const double time, timed_run(target));
    times.push_back(time);
  }
  const auto runs = static_cast<double>(times.size());
  result.allocations_per_run = static_cast<double>(allocations() - allocations_before) / runs;
  std::sort(times.begin(), times.end());
  result.runs = static_cast<int64_t>(times.size());
  result.min_ms = times.front();
  result.p50_ms = percentile(times, 0.5);
  result.p90_ms = percentile(times, 0.9);
  result.p99_ms = percentile(times, 0.99);
  return {};
}

/// The roofline and the profile are measured on an idle machine.
Status measure_under_load(BenchTarget& target, const BenchWork& work, BenchResult& result) {
  LANEWISE_ASSIGN_OR_RETURN(const BusyLoad load, BusyLoad::start(work.load));
  return measure_runs(target, work.seconds, result);
}

/// Adds one run's spans to `times`, by operator.
void add_profile(const std::vector<Session::NodeTime>& profile,
                 std::map<std::string, OperatorTime>& times) {
  for (const Session::NodeTime& node : profile) {
    OperatorTime& time = times[std::string(node.op)];
    time.milliseconds += (node.end_us - node.begin_us) / 1e3;
    // A node has a span per thread, and each span holds the operations of the whole node.
    if (node.thread == 0) time.gflops += node.flops;
  }
}

/// Sums over kProfiledRuns and a team become the numbers of one run.
std::vector<OperatorTime> finish_operators(const std::map<std::string, OperatorTime>& times,
                                           int threads) {
  std::vector<OperatorTime> operators;
  double all = 0.0;
  operators.reserve(times.size());
  for (const auto& [op, sums] : times) {
    OperatorTime time = sums;
    all += time.milliseconds;
    const double wall_seconds = time.milliseconds / 1e3 / threads;
    time.op = op;
    time.gflops = wall_seconds > 0.0 ? time.gflops / wall_seconds / 1e9 : 0.0;
    operators.push_back(std::move(time));
  }
  for (OperatorTime& time : operators) {
    time.share = all > 0.0 ? time.milliseconds / all : 0.0;
    time.milliseconds /= kProfiledRuns * threads;
  }
  std::sort(operators.begin(), operators.end(),
            [](const OperatorTime& a, const OperatorTime& b) { return a.share > b.share; });
  return operators;
}

std::optional<GenerationTimes> median_of(std::vector<GenerationTimes> times) {
  if (times.empty()) return std::nullopt;
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end(), [](const auto& a, const auto& b) {
    return a.first_token_ms < b.first_token_ms;
  });
  return *middle;
}

/// Measures where the time goes.
Status profile_runs(BenchTarget& target, BenchResult& result, std::vector<BenchPart>& parts) {
  target.set_profiling(true);
  std::map<std::string, OperatorTime> times;
  std::vector<GenerationTimes> generations;
  for (int i = 0; i < kProfiledRuns; ++i) {
    LANEWISE_RETURN_IF_ERROR(target.run());
    result.profile = target.profile();
    add_profile(result.profile, times);
    if (const auto generation = target.generation()) generations.push_back(*generation);
  }
  result.generation = median_of(std::move(generations));
  parts = target.parts();
  target.set_profiling(false);
  result.operators = finish_operators(times, target.threads());
  return {};
}

/// Compares the run with the sum of its parts at the machine's multiply-add and read rates.
Status compare_with_roofline(const std::vector<BenchPart>& parts, double peak_gflops,
                             BenchResult& result) {
  double flops = 0.0;
  double read_bytes = 0.0;  // of the part that reads most
  for (const BenchPart& part : parts) {
    flops += part.flops;
    read_bytes = std::max(read_bytes, part.read_bytes);
  }
  result.reads_memory = counts(read_bytes);
  double read_gbps = 1.0;
  if (result.reads_memory) {
    LANEWISE_ASSIGN_OR_RETURN(read_gbps, measure_team_read_gbps(read_bytes, result.threads));
  }
  double least_seconds = 0.0;
  for (const BenchPart& part : parts) {
    const double read = counts(part.read_bytes) ? part.read_bytes : 0.0;
    least_seconds += std::max(part.flops / peak_gflops, read / read_gbps) / 1e9;
  }
  result.gflops = flops / (result.p50_ms / 1e3) / 1e9;
  result.roofline_gflops = flops / least_seconds / 1e9;
  result.roofline_fraction = result.gflops / result.roofline_gflops;
  return {};
}

double peak_rss_mb() {
  struct rusage usage = {};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024.0 / 1e6;  // ru_maxrss is in KiB
}

}  // namespace

Result<BenchResult> measure(const Model& model, BenchTarget& target, const BenchWork& work) {
  BenchResult result;
  result.threads = target.threads();
  LANEWISE_ASSIGN_OR_RETURN(result.first_run_ms, timed_run(target));
  LANEWISE_RETURN_IF_ERROR(warm_up(target, std::min(kWarmUpSeconds, work.seconds)));
  LANEWISE_ASSIGN_OR_RETURN(const ModelContents contents, inspect(model));
  result.weights = contents.weights_type;
  result.arithmetic = arithmetic_of(result.weights);
  // Measures before and after and uses the larger value: an interrupted measurement must not
  // flatter the fraction.
  LANEWISE_ASSIGN_OR_RETURN(const double peak_before,
                            measure_gops(target.isa(), result.arithmetic, target.threads()));
  LANEWISE_RETURN_IF_ERROR(measure_under_load(target, work, result));
  LANEWISE_ASSIGN_OR_RETURN(const double peak_after,
                            measure_gops(target.isa(), result.arithmetic, target.threads()));
  result.peak_rss_mb = peak_rss_mb();
  std::vector<BenchPart> parts;
  LANEWISE_RETURN_IF_ERROR(profile_runs(target, result, parts));
  LANEWISE_RETURN_IF_ERROR(compare_with_roofline(parts, std::max(peak_before, peak_after), result));

  result.model = work.model;
  result.isa = target.isa();
  result.lengths = work.lengths;
  result.new_tokens = work.new_tokens;
  result.beams = work.beams;
  result.load = work.load;
  result.tokens_per_s = static_cast<double>(target.tokens()) / (result.p50_ms / 1e3);
  return result;
}

}  // namespace lanewise::cli
