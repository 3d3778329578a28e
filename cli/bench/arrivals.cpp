#include "cli/bench/arrivals.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>

namespace lanewise::cli {
namespace {

constexpr size_t kMostArrivals = 10'000'000;
constexpr uint64_t kArrivalSeed = 42;

/// Uniform in [0, 1). The standard defines the generator but not the distributions.
double uniform(std::mt19937_64& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }

}  // namespace

std::vector<double> poisson_arrivals(double rate, double seconds) {
  std::mt19937_64 random(kArrivalSeed);
  std::vector<double> times;
  double time = -std::log1p(-uniform(random)) / rate;
  while (time < seconds && times.size() < kMostArrivals) {
    times.push_back(time);
    time -= std::log1p(-uniform(random)) / rate;
  }
  if (times.empty()) times.push_back(0.0);
  return times;
}

}  // namespace lanewise::cli
