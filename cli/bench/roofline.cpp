#include "cli/bench/roofline.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <thread>

#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

// Two cores read this in 10 ms: long enough to average over fluctuations of the memory.
constexpr size_t kReadBytes = size_t{256} << 20;
// The amount read at a time, and the least that can be measured.
constexpr auto kLeastSlice = static_cast<size_t>(lanewise::kLeastReadBytes);
constexpr double kRooflineSeconds = 0.15;

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

}  // namespace

Status PeakRates::measure_for(const BenchResult& result) {
  std::vector<double>& measured = gflops_[key_of(result)];
  if (measured.size() >= round_) return {};
  LANEWISE_ASSIGN_OR_RETURN(const double gflops,
                            measure_gops(result.isa, result.arithmetic, result.threads));
  measured.push_back(gflops);
  return {};
}

double PeakRates::best(const BenchResult& result) const {
  const std::vector<double>& measured = gflops_.at(key_of(result));
  return *std::max_element(measured.begin(), measured.end());
}

double PeakRates::change(const BenchResult& result) const {
  const std::vector<double>& measured = gflops_.at(key_of(result));
  return measured.back() / measured.front();
}

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
  result.peak_gflops = peak_gflops;
  result.gflops = flops / (result.p50_ms / 1e3) / 1e9;
  result.roofline_gflops = flops / least_seconds / 1e9;
  result.roofline_fraction = result.gflops / result.roofline_gflops;
  return {};
}

}  // namespace lanewise::cli
