#include <algorithm>
#include <numeric>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "cli/bench/report.hpp"

namespace lanewise::cli {
namespace {

/// Describes the parts of the roofline.
std::string describe_roofline(const BenchResult& result) {
  const char* limit = result.reads_memory ? "and memory can do" : "alone can do";
  switch (result.arithmetic) {
    case Arithmetic::kI8:
      return fmt::format("products of bytes {}", limit);
    case Arithmetic::kBf16:
      return fmt::format("products of bf16 {}", limit);
    case Arithmetic::kF32:
      break;
  }
  return fmt::format("FMA {}", limit);
}

/// A name and what is said of it, a line each.
class NamedLines {
 public:
  void add(std::string_view name, const std::string& value) {
    text_ += fmt::format("{:<12}{}\n", name, value);
  }
  std::string text() && { return std::move(text_); }

 private:
  std::string text_;
};

void add_work(const BenchResult& result, NamedLines& lines) {
  lines.add("model", fmt::format("{}, {} weights", result.model, result.weights));
  lines.add("on", fmt::format("{}, {} {}", result.isa, result.threads,
                              result.threads == 1 ? "thread" : "threads"));
  lines.add("batch", describe_batch(result.lengths));
  if (!result.input.empty()) lines.add("texts", result.input);
  if (result.new_tokens > 0) {
    lines.add("generates", fmt::format("{} tokens each, {}", result.new_tokens,
                                       result.beams > 1 ? fmt::format("{} beams", result.beams)
                                                        : std::string("greedy")));
  }
  if (result.load > 0) lines.add("beside", fmt::format("{} busy processes", result.load));
}

void add_latency(const BenchResult& result, NamedLines& lines) {
  lines.add("load", fmt::format("{:.2f} ms, then {:.3f} ms for the first run", result.load_ms,
                                result.first_run_ms));
  if (result.start) {
    const StartTimes& start = *result.start;
    lines.add("start", fmt::format("file in memory: {:.2f} + {:.3f} ms; not: {:.2f} + {:.3f} ms",
                                   start.warm_load_ms, start.warm_first_run_ms, start.cold_load_ms,
                                   start.cold_first_run_ms));
  }
  lines.add("latency",
            fmt::format("median {:.3f} ms, p90 {:.3f}, p99 {:.3f}, min {:.3f}, of {} runs",
                        result.p50_ms, result.p90_ms, result.p99_ms, result.min_ms, result.runs));
  lines.add("interval",
            fmt::format("median {:.3f} to {:.3f} ms (95 %), p99.9 {:.3f}, {} runs of warm-up",
                        result.p50_interval.low, result.p50_interval.high, result.p99_9_ms,
                        result.warm_up_runs));
}

void add_rates(const BenchResult& result, NamedLines& lines) {
  lines.add("throughput",
            fmt::format("{:.0f} tokens/s, {:.1f} GFLOP/s, {:.0f} % of the {:.1f} that {}",
                        result.tokens_per_s, result.gflops, 100.0 * result.roofline_fraction,
                        result.roofline_gflops, describe_roofline(result)));
  if (!result.generation) return;
  lines.add("generation",
            fmt::format("first token after {:.3f} ms, {:.0f} tokens/s of prompts, then {:.0f}",
                        result.generation->first_token_ms, result.generation->prefill_tokens_per_s,
                        result.generation->decode_tokens_per_s));
}

void add_resources(const BenchResult& result, NamedLines& lines) {
  lines.add("memory", fmt::format("{:.0f} MB at most, {:.2f} allocations per run",
                                  result.peak_rss_mb, result.allocations_per_run));
  lines.add("private", fmt::format("{:.0f} MB beside mapped files, share of all pages {:.0f} MB",
                                   result.private_mb, result.pss_mb));
  if (result.joules_per_run) {
    lines.add("energy", fmt::format("{:.4f} J per run", *result.joules_per_run));
  }
}

std::string describe_stream(const StreamResult& stream) {
  std::string text = fmt::format(
      "{:g} a second: {:.2f} done, p50 {:.3f} ms, p90 {:.3f}, p99 {:.3f}, p99.9 {:.3f}, busy "
      "{:.0f} %",
      stream.rate, stream.achieved_rate, stream.p50_ms, stream.p90_ms, stream.p99_ms,
      stream.p99_9_ms, 100.0 * stream.busy);
  if (stream.unfinished > 0) {
    text += fmt::format(", {} of {} unfinished: too many for this model", stream.unfinished,
                        stream.requests);
  }
  return text;
}

std::string describe_against(const AgainstResult& against) {
  return fmt::format("{} than {}: {:.3f} of its time, {:.3f} to {:.3f} (95 %)",
                     against.verdict == "no difference" ? "no faster or slower" : against.verdict,
                     against.model, against.ratio.value, against.ratio.interval.low,
                     against.ratio.interval.high);
}

std::string operator_table(const BenchResult& result) {
  std::string text =
      fmt::format("\n{:<16}{:>8}{:>10}{:>10}\n", "operator", "share", "ms", "GFLOP/s");
  for (const OperatorTime& time : result.operators) {
    const std::string gflops = time.gflops > 0.0 ? fmt::format("{:.1f}", time.gflops) : "-";
    text += fmt::format("{:<16}{:>6.1f} %{:>10.3f}{:>10}\n", time.op, 100.0 * time.share,
                        time.milliseconds, gflops);
  }
  return text;
}

/// `1x128` or `32 texts`.
std::string short_batch(const BenchResult& result) {
  const auto [least, most] = std::minmax_element(result.lengths.begin(), result.lengths.end());
  if (*least != *most) return fmt::format("{} texts", result.lengths.size());
  return fmt::format("{}x{}", result.lengths.size(), *most);
}

}  // namespace

std::string describe_batch(std::span<const int32_t> lengths) {
  const auto [least, most] = std::minmax_element(lengths.begin(), lengths.end());
  if (*least == *most) return fmt::format("{} x {} tokens", lengths.size(), *most);
  const auto all = std::accumulate(lengths.begin(), lengths.end(), int64_t{0});
  return fmt::format("{} sequences of {} to {} tokens, {} in all", lengths.size(), *least, *most,
                     all);
}

std::string bench_table(const BenchResult& result) {
  NamedLines lines;
  add_work(result, lines);
  add_latency(result, lines);
  add_rates(result, lines);
  add_resources(result, lines);
  for (const StreamResult& stream : result.streams) {
    lines.add("requests", describe_stream(stream));
  }
  if (result.against) lines.add("verdict", describe_against(*result.against));
  return std::move(lines).text() + operator_table(result);
}

std::string bench_rows(std::span<const BenchResult> results) {
  std::string text =
      fmt::format("{:<8}{:<12}{:>7} {:<11}{:>10}  {:<19}{:>10}{:>10}{:>11}{:>9}{:>7}\n", "weights",
                  "isa", "threads", "batch", "median ms", "95 % interval", "p99", "p99.9",
                  "tokens/s", "GFLOP/s", "roof");
  for (const BenchResult& result : results) {
    text += fmt::format(
        "{:<8}{:<12}{:>7} {:<11}{:>10.3f}  {:<19}{:>10.3f}{:>10.3f}{:>11.0f}{:>9.1f}{:>5.0f} %\n",
        result.weights, result.isa, result.threads, short_batch(result), result.p50_ms,
        fmt::format("{:.3f}-{:.3f}", result.p50_interval.low, result.p50_interval.high),
        result.p99_ms, result.p99_9_ms, result.tokens_per_s, result.gflops,
        100.0 * result.roofline_fraction);
    for (const StreamResult& stream : result.streams) text += "  " + describe_stream(stream) + "\n";
    if (result.against) text += "  " + describe_against(*result.against) + "\n";
  }
  return text;
}

std::string comparison_table(const Comparisons& comparisons) {
  std::string text;
  for (const Comparison& pair : comparisons.pairs) {
    text +=
        fmt::format("{}\n  {:.3f} ms against {:.3f}: {}, {:.3f} of its time, {:.3f} to {:.3f}\n",
                    pair.work, pair.first_ms, pair.second_ms, verdict_of(pair.ratio),
                    pair.ratio.value, pair.ratio.interval.low, pair.ratio.interval.high);
  }
  if (comparisons.unmatched > 0) {
    text += fmt::format("{} results have no counterpart\n", comparisons.unmatched);
  }
  return text;
}

}  // namespace lanewise::cli
