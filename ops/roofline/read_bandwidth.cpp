// Sums memory, the least work per byte. Compiled with -O3 in every build type, so that the loops
// are vectorised.

#include <algorithm>
#include <chrono>
#include <vector>

#include "ops/roofline/read_bandwidth.hpp"

namespace lanewise::ops {
namespace {

using Clock = std::chrono::steady_clock;

// 8 MiB take some 300 microseconds: far above the clock's resolution, and short compared with a
// scheduler's time slice, so that most slices are not interrupted on a busy machine.
constexpr size_t kSliceFloats = size_t{8 << 20} / sizeof(float);

/// The sum of `count` floats, read as `kStreams` streams side by side. The hardware prefetches a
/// stream only within its page; with several streams one is always in full flow. On a Zen 4 core
/// two or four read up to 13 % more than one, and eight less than one.
template <size_t kStreams>
float sum(const float* data, size_t count) {
  // 8 chains of 4 floats, a vector of baseline x86-64: they cover the latency of an addition (4
  // cycles) at two loads per cycle, more than any core gets from memory.
  constexpr size_t kChains = 32;
  const size_t part = count / kStreams;
  float sums[kChains] = {};
  for (size_t i = 0; i + kChains <= part; i += kChains) {
    for (size_t c = 0; c < kChains; ++c) {
      float value = data[i + c];
      for (size_t s = 1; s < kStreams; ++s) value += data[s * part + i + c];
      sums[c] += value;
    }
  }
  float total = 0.0f;
  for (const float value : sums) total += value;
  return total;
}

/// GB/s of the 90th-percentile slice, like the FMA peak.
template <size_t kStreams>
double measure(std::span<const float> memory) {
  std::vector<double> seconds;
  volatile float sink = 0.0f;
  for (size_t begin = 0; begin + kSliceFloats <= memory.size(); begin += kSliceFloats) {
    const auto start = Clock::now();
    sink = sum<kStreams>(memory.data() + begin, kSliceFloats);
    seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  static_cast<void>(sink);
  if (seconds.empty()) return 0.0;
  const auto tenth = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 10);
  std::nth_element(seconds.begin(), tenth, seconds.end());
  return static_cast<double>(kSliceFloats * sizeof(float)) / *tenth / 1e9;
}

}  // namespace

double measure_read_gbps(std::span<const float> memory) {
  // The best number of streams depends on the core.
  return std::max({measure<1>(memory), measure<2>(memory), measure<4>(memory)});
}

}  // namespace lanewise::ops
