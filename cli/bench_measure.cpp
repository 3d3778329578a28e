#include "cli/bench_measure.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <string_view>
#include <thread>
#include <utility>

#include "cli/allocations.hpp"
#include "cli/busy_load.hpp"
#include "cli/interrupt.hpp"
#include "cli/open_model.hpp"
#include "ops/dispatch.hpp"
#include "ops/roofline/roofline.hpp"
#include "ops/status_macros.hpp"

namespace lanewise::cli {
namespace {

using Clock = std::chrono::steady_clock;

// The clock and the caches settle within a fraction of a second.
constexpr double kWarmUpSeconds = 0.3;
constexpr int kFewestWarmUpRuns = 2;
// A median of fewer means nothing, even where runs take longer than the time asked for.
constexpr size_t kFewestRuns = 5;
// Room for an hour of runs of a millisecond would be 30 MB; more are measured and not kept.
constexpr size_t kMostRuns = size_t{1} << 22;
// One run's profile catches an interruption as easily as not; shares are of this many.
constexpr int kProfiledRuns = 5;
constexpr double kRooflineSeconds = 0.15;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// Ids that could be anything, the same in every run of the program. The generator is defined by
/// the standard, its distributions are not: hence the remainder.
std::vector<int32_t> random_ids(int64_t count, int64_t vocabulary) {
  std::mt19937_64 random(42);
  std::vector<int32_t> ids(static_cast<size_t>(count));
  for (int32_t& id : ids) {
    id = static_cast<int32_t>(random() % static_cast<uint64_t>(std::max<int64_t>(vocabulary, 1)));
  }
  return ids;
}

/// The team's peak: every thread measures at the same time, as they share cores and power.
double measure_roofline(ops::Isa isa, int threads) {
  std::vector<double> peaks(static_cast<size_t>(threads));
  std::vector<std::thread> team;
  for (size_t i = 1; i < peaks.size(); ++i) {
    team.emplace_back([&, i] { peaks[i] = ops::measure_fma_peak_gflops(isa, kRooflineSeconds); });
  }
  peaks[0] = ops::measure_fma_peak_gflops(isa, kRooflineSeconds);
  for (std::thread& thread : team) thread.join();
  return std::accumulate(peaks.begin(), peaks.end(), 0.0);
}

/// The smallest of the sorted `values` that a part `p` of them does not exceed.
double percentile(const std::vector<double>& values, double p) {
  const double rank = std::ceil(p * static_cast<double>(values.size()));
  return values[static_cast<size_t>(std::max(rank, 1.0)) - 1];
}

/// One session and its batch.
class Runner {
 public:
  Runner(Session& session, const RaggedBatch& batch) : session_(&session), batch_(batch) {
    options_.cancel = &interrupted();
  }

  /// Milliseconds of one run.
  Result<double> run() {
    const auto begin = Clock::now();
    LW_RETURN_IF_ERROR(session_->run_ragged(batch_, options_));
    return 1e3 * seconds_since(begin);
  }

 private:
  Session* session_;
  RaggedBatch batch_;
  RunOptions options_;
};

Status warm_up(Runner& runner, double seconds) {
  const auto begin = Clock::now();
  for (int i = 0; i < kFewestWarmUpRuns || seconds_since(begin) < seconds; ++i) {
    LW_RETURN_IF_ERROR(runner.run().status());
  }
  return {};
}

Status measure_runs(Runner& runner, double seconds, BenchResult& result) {
  std::vector<double> times;
  // One page fault at a time would show in the times; the reserve costs address space only.
  times.reserve(kMostRuns);
  const int64_t allocations_before = allocations();
  const auto begin = Clock::now();
  while ((times.size() < kFewestRuns || seconds_since(begin) < seconds) &&
         times.size() < kMostRuns) {
    LW_ASSIGN_OR_RETURN(const double time, runner.run());
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

/// The roofline and the profile are those of an idle machine.
Status measure_under_load(Runner& runner, const BenchWork& work, BenchResult& result) {
  LW_ASSIGN_OR_RETURN(const BusyLoad load, BusyLoad::start(work.load));
  return measure_runs(runner, work.seconds, result);
}

/// Adds one run's spans to `times`, which go by operator, and returns the run's operations.
double add_profile(const std::vector<Session::NodeTime>& profile,
                   std::map<std::string, OperatorTime>& times) {
  // A node has a span for each thread, and each span carries the operations of the whole node.
  std::set<std::string_view> counted;
  double operations = 0.0;
  for (const Session::NodeTime& node : profile) {
    OperatorTime& time = times[std::string(node.op)];
    time.milliseconds += (node.end_us - node.begin_us) / 1e3;
    if (!counted.insert(node.name).second) continue;
    time.gflops += node.flops;
    operations += node.flops;
  }
  return operations;
}

/// Sums over kProfiledRuns and a team become the numbers of one run.
std::vector<OperatorTime> finish_operators(std::map<std::string, OperatorTime> times, int threads) {
  std::vector<OperatorTime> operators;
  double all = 0.0;
  for (auto& [op, time] : times) {
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

/// Where the time goes. Returns the operations of a run.
Result<double> profile_runs(Runner& runner, Session& session, BenchResult& result) {
  session.set_profiling(true);
  std::map<std::string, OperatorTime> times;
  double operations = 0.0;
  for (int i = 0; i < kProfiledRuns; ++i) {
    LW_RETURN_IF_ERROR(runner.run().status());
    result.profile = session.profile();
    operations = add_profile(result.profile, times);
  }
  session.set_profiling(false);
  result.operators = finish_operators(std::move(times), session.threads());
  return operations;
}

double peak_rss_mb() {
  struct rusage usage = {};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024.0 / 1e6;  // ru_maxrss counts KiB.
}

}  // namespace

Result<BenchResult> measure(const Model& model, Session& session, const BenchWork& work) {
  const auto tokens = std::accumulate(work.lengths.begin(), work.lengths.end(), int64_t{0});
  const std::vector<int32_t> ids = random_ids(tokens, model.info().vocabulary_size);
  Runner runner(session, {ids, {}, work.lengths});
  BenchResult result;
  LW_ASSIGN_OR_RETURN(result.first_run_ms, runner.run());
  LW_RETURN_IF_ERROR(warm_up(runner, std::min(kWarmUpSeconds, work.seconds)));
  LW_ASSIGN_OR_RETURN(const ops::Isa isa, ops::find_isa(session.isa()));
  // Before and after, the larger counts: an interrupted measurement must not flatter the fraction.
  const double roofline_before = measure_roofline(isa, session.threads());
  LW_RETURN_IF_ERROR(measure_under_load(runner, work, result));
  result.roofline_gflops = std::max(roofline_before, measure_roofline(isa, session.threads()));
  result.peak_rss_mb = peak_rss_mb();
  LW_ASSIGN_OR_RETURN(const double operations, profile_runs(runner, session, result));

  result.model = work.model;
  result.weights = weights_type(model);
  result.isa = session.isa();
  result.threads = session.threads();
  result.lengths = work.lengths;
  result.load = work.load;
  result.tokens_per_s = static_cast<double>(tokens) / (result.p50_ms / 1e3);
  result.gflops = operations / (result.p50_ms / 1e3) / 1e9;
  result.roofline_fraction = result.gflops / result.roofline_gflops;
  return result;
}

}  // namespace lanewise::cli
