// The overhead of a team of threads: a wait at the barrier between two steps, and an empty parallel
// region. Needs as many quiet cores as threads.

#include <immintrin.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "bench/support.hpp"
#include "runtime/exec/barrier.hpp"
#include "runtime/exec/team.hpp"

namespace lanewise::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// Every thread waits kWaits times in a row. All arrive together, so what remains is the transfer
/// of a cache line between cores.
class Waits final : public exec::TeamBody {
 public:
  static constexpr int kWaits = 1000;

  void run(int thread, int threads) noexcept override {
    uint32_t step = barrier_.join();
    arrived_.fetch_add(1);
    while (arrived_.load() < threads) _mm_pause();  // starting the team is not timed
    step = barrier_.wait(step);
    const auto begin = Clock::now();
    for (int i = 0; i < kWaits; ++i) step = barrier_.wait(step);
    if (thread == 0) seconds_ = seconds_since(begin);
  }

  double seconds() const { return seconds_; }

 private:
  exec::StepBarrier barrier_;
  std::atomic<int> arrived_{0};
  double seconds_ = 0.0;  // of thread 0
};

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// An iteration is kWaits waits. A thread that loses its core makes the others wait for
/// milliseconds, so the counter is the median of the iterations.
void barrier(benchmark::State& state, int threads) {
  std::vector<double> nanoseconds;
  exec::Team team(threads);
  for (auto _ : state) {
    Waits waits;
    team.run(waits);
    state.SetIterationTime(waits.seconds());
    nanoseconds.push_back(waits.seconds() * 1e9 / Waits::kWaits);
  }
  state.counters["ns/wait"] = median(std::move(nanoseconds));
}

class Nothing final : public exec::TeamBody {
 public:
  void run(int, int) noexcept override {}
};

/// `pause`: before each region. Threads spin for a moment after a region, then sleep, and the next
/// region has to wake them.
void region(benchmark::State& state, int threads, std::chrono::milliseconds pause) {
  Nothing nothing;
  exec::Team team(threads);
  std::vector<double> nanoseconds;
  for (auto _ : state) {
    if (pause.count() > 0) std::this_thread::sleep_for(pause);
    const auto begin = Clock::now();
    team.run(nothing);
    const double seconds = seconds_since(begin);
    state.SetIterationTime(seconds);
    nanoseconds.push_back(seconds * 1e9);
  }
  state.counters["ns/region"] = median(std::move(nanoseconds));
}

void register_for(int threads) {
  using std::chrono::milliseconds;
  const std::string suffix = "/threads:" + std::to_string(threads);
  benchmark::RegisterBenchmark(("barrier" + suffix).c_str(), barrier, threads)->UseManualTime();
  benchmark::RegisterBenchmark(("region" + suffix).c_str(), region, threads, milliseconds(0))
      ->UseManualTime();
  // Pauses are not timed: without a limit, Google Benchmark would run for minutes.
  constexpr int kRegions = 50;
  benchmark::RegisterBenchmark(("region" + suffix + "/asleep").c_str(), region, threads,
                               milliseconds(20))
      ->UseManualTime()
      ->Iterations(kRegions);
}

/// 2, 4, 8, ... threads and the number of CPUs.
void register_all() {
  const int most = std::max(2, exec::available_cpus());
  for (int threads = 2; threads < most; threads *= 2) register_for(threads);
  register_for(most);
}

}  // namespace
}  // namespace lanewise::bench

int main(int argc, char** argv) {
  lanewise::bench::register_all();
  return lanewise::bench::run_suite(argc, argv);
}
