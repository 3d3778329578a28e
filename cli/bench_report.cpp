#include "cli/bench_report.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace lanewise::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

/// Rounds to that many decimals: a measurement does not have 17 digits.
double rounded_to(int decimals, double value) {
  const double scale = std::pow(10.0, decimals);
  return std::round(value * scale) / scale;
}

double milliseconds(double value) { return rounded_to(4, value); }

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

/// `8 x 128 tokens`, or for unequal lengths `3 sequences of 5 to 128 tokens, 200 in all`.
std::string describe_batch(std::span<const int32_t> lengths) {
  const auto [least, most] = std::minmax_element(lengths.begin(), lengths.end());
  if (*least == *most) return fmt::format("{} x {} tokens", lengths.size(), *most);
  const auto all = std::accumulate(lengths.begin(), lengths.end(), int64_t{0});
  return fmt::format("{} sequences of {} to {} tokens, {} in all", lengths.size(), *least, *most,
                     all);
}

}  // namespace

std::string bench_json(const BenchResult& result) {
  Json json;
  json["model"] = result.model;
  json["weights"] = result.weights;
  json["isa"] = result.isa;
  json["threads"] = result.threads;
  json["batch"] = result.lengths.size();
  json["lengths"] = result.lengths;
  json["new_tokens"] = result.new_tokens;
  json["load_ms"] = milliseconds(result.load_ms);
  json["first_run_ms"] = milliseconds(result.first_run_ms);
  json["p50_ms"] = milliseconds(result.p50_ms);
  json["p90_ms"] = milliseconds(result.p90_ms);
  json["p99_ms"] = milliseconds(result.p99_ms);
  json["min_ms"] = milliseconds(result.min_ms);
  json["runs"] = result.runs;
  json["tokens_per_s"] = rounded_to(1, result.tokens_per_s);
  if (result.generation) {
    json["prefill_tokens_per_s"] = rounded_to(1, result.generation->prefill_tokens_per_s);
    json["decode_tokens_per_s"] = rounded_to(1, result.generation->decode_tokens_per_s);
    json["first_token_ms"] = milliseconds(result.generation->first_token_ms);
  }
  json["gflops"] = rounded_to(3, result.gflops);
  json["roofline_gflops"] = rounded_to(3, result.roofline_gflops);
  json["roofline_fraction"] = rounded_to(4, result.roofline_fraction);
  json["peak_rss_mb"] = rounded_to(1, result.peak_rss_mb);
  json["allocations_per_run"] = result.allocations_per_run;
  for (const OperatorTime& time : result.operators) {
    json["operators"].push_back({{"op", time.op},
                                 {"ms", milliseconds(time.milliseconds)},
                                 {"share", rounded_to(4, time.share)},
                                 {"gflops", rounded_to(3, time.gflops)}});
  }
  if (result.new_tokens > 0) json["beams"] = result.beams;
  if (result.load > 0) json["load_processes"] = result.load;
  return dump(json);
}

std::string bench_table(const BenchResult& result) {
  std::string text;
  const auto row = [&text](std::string_view name, const std::string& value) {
    text += fmt::format("{:<12}{}\n", name, value);
  };
  row("model", fmt::format("{}, {} weights", result.model, result.weights));
  row("on", fmt::format("{}, {} {}", result.isa, result.threads,
                        result.threads == 1 ? "thread" : "threads"));
  row("batch", describe_batch(result.lengths));
  if (result.new_tokens > 0) {
    row("generates", fmt::format("{} tokens each, {}", result.new_tokens,
                                 result.beams > 1 ? fmt::format("{} beams", result.beams)
                                                  : std::string("greedy")));
  }
  if (result.load > 0) row("beside", fmt::format("{} busy processes", result.load));
  row("load", fmt::format("{:.2f} ms, then {:.3f} ms for the first run", result.load_ms,
                          result.first_run_ms));
  row("latency",
      fmt::format("median {:.3f} ms, p90 {:.3f}, p99 {:.3f}, min {:.3f}, of {} runs", result.p50_ms,
                  result.p90_ms, result.p99_ms, result.min_ms, result.runs));
  row("throughput",
      fmt::format("{:.0f} tokens/s, {:.1f} GFLOP/s, {:.0f} % of the {:.1f} that {}",
                  result.tokens_per_s, result.gflops, 100.0 * result.roofline_fraction,
                  result.roofline_gflops, describe_roofline(result)));
  if (result.generation) {
    row("generation",
        fmt::format("first token after {:.3f} ms, {:.0f} tokens/s of prompts, then {:.0f}",
                    result.generation->first_token_ms, result.generation->prefill_tokens_per_s,
                    result.generation->decode_tokens_per_s));
  }
  row("memory", fmt::format("{:.0f} MB at most, {:.2f} allocations per run", result.peak_rss_mb,
                            result.allocations_per_run));
  text += fmt::format("\n{:<16}{:>8}{:>10}{:>10}\n", "operator", "share", "ms", "GFLOP/s");
  for (const OperatorTime& time : result.operators) {
    const std::string gflops = time.gflops > 0.0 ? fmt::format("{:.1f}", time.gflops) : "-";
    text += fmt::format("{:<16}{:>6.1f} %{:>10.3f}{:>10}\n", time.op, 100.0 * time.share,
                        time.milliseconds, gflops);
  }
  return text;
}

std::string chrome_trace(std::span<const Session::NodeTime> profile) {
  Json events = Json::array();
  std::set<int> threads;
  for (const Session::NodeTime& node : profile) {
    threads.insert(node.thread);
    events.push_back({{"name", node.name},
                      {"cat", node.op},
                      {"ph", "X"},
                      {"pid", 1},
                      {"tid", node.thread},
                      {"ts", node.begin_us},
                      {"dur", node.end_us - node.begin_us},
                      {"args",
                       {{"op", node.op},
                        {"implementation", node.implementation},
                        {"mflop_of_node", node.flops / 1e6}}}});
  }
  for (const int thread : threads) {
    events.push_back({{"name", "thread_name"},
                      {"ph", "M"},
                      {"pid", 1},
                      {"tid", thread},
                      {"args", {{"name", fmt::format("thread {}", thread)}}}});
  }
  return dump({{"traceEvents", std::move(events)}, {"displayTimeUnit", "ms"}});
}

}  // namespace lanewise::cli
