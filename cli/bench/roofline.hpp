#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "cli/bench/result.hpp"
#include "lanewise/status.hpp"

namespace lanewise::cli {

/// Peak multiply-add rates of teams, for each instruction set, arithmetic and number of threads.
class PeakRates {
 public:
  /// Measures the rate that `result` is compared with, unless this was done since start_round().
  Status measure_for(const BenchResult& result);
  /// Later measurements of the same rate are kept beside the earlier ones.
  void start_round() { ++round_; }

  /// The largest: an interrupted measurement must not flatter the fraction.
  double best(const BenchResult& result) const;
  /// The last one over the first one.
  double change(const BenchResult& result) const;

 private:
  using Key = std::tuple<std::string, Arithmetic, int>;
  static Key key_of(const BenchResult& result) {
    return {result.isa, result.arithmetic, result.threads};
  }

  size_t round_ = 1;
  std::map<Key, std::vector<double>> gflops_;
};

/// How fast `threads` threads together read `bytes` of memory over and over, 1e9 bytes a second.
/// Caches hold the part of it that fits.
Result<double> measure_team_read_gbps(double bytes, int threads);

/// Compares the run with the sum of its parts at the machine's multiply-add and read rates.
/// `result` has p50_ms and threads.
Status compare_with_roofline(const std::vector<BenchPart>& parts, double peak_gflops,
                             BenchResult& result);

}  // namespace lanewise::cli
