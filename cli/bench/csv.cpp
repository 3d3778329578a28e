#include <string>
#include <string_view>

#include <fmt/format.h>

#include "cli/bench/report.hpp"

namespace lanewise::cli {
namespace {

constexpr std::string_view kColumns =
    "model,weights,isa,threads,batch,tokens,longest,new_tokens,beams,load_ms,first_run_ms,p50_ms,"
    "p50_low_ms,p50_high_ms,p90_ms,p99_ms,p99_9_ms,min_ms,runs,tokens_per_s,gflops,"
    "roofline_gflops,roofline_fraction,peak_rss_mb,private_mb,joules_per_run,rate,achieved_rate,"
    "requests,unfinished\r\n";

/// In quotes if the text needs them.
std::string csv_text(std::string_view text) {
  if (text.find_first_of("\",\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    quoted += c;
    if (c == '"') quoted += c;
  }
  return quoted + '"';
}

/// What a line says of the work.
std::string csv_work(const BenchResult& result) {
  int64_t tokens = 0;
  int32_t longest = 0;
  for (const int32_t length : result.lengths) {
    tokens += length;
    longest = std::max(longest, length);
  }
  return fmt::format("{},{},{},{},{},{},{},{},{}", csv_text(result.model), csv_text(result.weights),
                     result.isa, result.threads, result.lengths.size(), tokens, longest,
                     result.new_tokens, result.beams);
}

std::string csv_result(const BenchResult& result) {
  const std::string joules =
      result.joules_per_run ? fmt::format("{:.6f}", *result.joules_per_run) : std::string();
  return fmt::format(
      ",{:.4f},{:.4f},{:.4f},{:.4f},{:.4f},{:.4f},{:.4f},{:.4f},{:.4f},{},{:.1f},{:.3f},{:.3f},"
      "{:.4f},{:.1f},{:.1f},{},,,,\r\n",
      result.load_ms, result.first_run_ms, result.p50_ms, result.p50_interval.low,
      result.p50_interval.high, result.p90_ms, result.p99_ms, result.p99_9_ms, result.min_ms,
      result.runs, result.tokens_per_s, result.gflops, result.roofline_gflops,
      result.roofline_fraction, result.peak_rss_mb, result.private_mb, joules);
}

/// The latencies of a stream stand in the columns of latencies.
std::string csv_stream(const StreamResult& stream) {
  return fmt::format(",,,{:.4f},,,{:.4f},{:.4f},{:.4f},,,,,,,,,,{:g},{:.3f},{},{}\r\n",
                     stream.p50_ms, stream.p90_ms, stream.p99_ms, stream.p99_9_ms, stream.rate,
                     stream.achieved_rate, stream.requests, stream.unfinished);
}

}  // namespace

std::string bench_csv(std::span<const BenchResult> results) {
  std::string text(kColumns);
  for (const BenchResult& result : results) {
    text += csv_work(result) + csv_result(result);
    for (const StreamResult& stream : result.streams) text += csv_work(result) + csv_stream(stream);
  }
  return text;
}

}  // namespace lanewise::cli
