#include "cli/bench/stream.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "cli/bench/arrivals.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

using StreamClock = std::chrono::steady_clock;

// A sleep ends about this much too late; the rest of the time is spent looking at the clock.
constexpr double kSleepError = 0.0002;

double stream_seconds(StreamClock::time_point begin) {
  return std::chrono::duration<double>(StreamClock::now() - begin).count();
}

void wait_until(StreamClock::time_point begin, double seconds) {
  const double left = seconds - stream_seconds(begin) - kSleepError;
  if (left > 0.0) std::this_thread::sleep_for(std::chrono::duration<double>(left));
  while (stream_seconds(begin) < seconds) std::this_thread::yield();
}

void finish_latencies(std::vector<double> ms, StreamResult& result) {
  std::sort(ms.begin(), ms.end());
  result.p50_ms = percentile(ms, 0.5);
  result.p90_ms = percentile(ms, 0.9);
  result.p99_ms = percentile(ms, 0.99);
  result.p99_9_ms = percentile(ms, 0.999);
  result.max_ms = ms.back();
}

}  // namespace

Result<StreamResult> run_stream(BenchTarget& target, double rate, double seconds,
                                Progress& progress) {
  const std::vector<double> arrivals = poisson_arrivals(rate, seconds);
  const double last = arrivals.back() + seconds;
  std::vector<double> ms;
  ms.reserve(arrivals.size());
  StreamResult result{.rate = rate, .requests = static_cast<int64_t>(arrivals.size())};
  double served_seconds = 0.0;
  const auto begin = StreamClock::now();
  for (size_t i = 0; i < arrivals.size() && stream_seconds(begin) < last; ++i) {
    wait_until(begin, arrivals[i]);
    const double start = stream_seconds(begin);
    LANEWISE_RETURN_IF_ERROR(target.run_request(i % target.requests()));
    const double end = stream_seconds(begin);
    served_seconds += end - start;
    ms.push_back(1e3 * (end - arrivals[i]));
    progress.show([&] {
      return fmt::format("{} requests a second: {} of {}", rate, i + 1, arrivals.size());
    });
  }
  const double end = stream_seconds(begin);
  result.achieved_rate = static_cast<double>(ms.size()) / end;
  result.busy = served_seconds / end;
  result.unfinished = result.requests - static_cast<int64_t>(ms.size());
  for (size_t i = ms.size(); i < arrivals.size(); ++i) ms.push_back(1e3 * (end - arrivals[i]));
  finish_latencies(std::move(ms), result);
  return result;
}

}  // namespace lanewise::cli
