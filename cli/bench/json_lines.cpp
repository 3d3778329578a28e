#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

#include "cli/bench/notes.hpp"
#include "cli/bench/report.hpp"

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

Json to_json(const StreamResult& stream) {
  return {{"rate", stream.rate},
          {"achieved_rate", rounded_to(3, stream.achieved_rate)},
          {"requests", stream.requests},
          {"unfinished", stream.unfinished},
          {"busy", rounded_to(4, stream.busy)},
          {"p50_ms", milliseconds(stream.p50_ms)},
          {"p90_ms", milliseconds(stream.p90_ms)},
          {"p99_ms", milliseconds(stream.p99_ms)},
          {"p99_9_ms", milliseconds(stream.p99_9_ms)},
          {"max_ms", milliseconds(stream.max_ms)}};
}

Json to_json(const AgainstResult& against) {
  return {{"model", against.model},
          {"ratio", rounded_to(4, against.ratio.value)},
          {"ratio_low", rounded_to(4, against.ratio.interval.low)},
          {"ratio_high", rounded_to(4, against.ratio.interval.high)},
          {"verdict", against.verdict}};
}

void add_generation(const GenerationTimes& times, Json& json) {
  json["prefill_tokens_per_s"] = rounded_to(1, times.prefill_tokens_per_s);
  json["decode_tokens_per_s"] = rounded_to(1, times.decode_tokens_per_s);
  json["first_token_ms"] = milliseconds(times.first_token_ms);
}

void add_operators(const BenchResult& result, Json& json) {
  for (const OperatorTime& time : result.operators) {
    Json one{{"op", time.op},
             {"ms", milliseconds(time.milliseconds)},
             {"share", rounded_to(4, time.share)},
             {"gflops", rounded_to(3, time.gflops)},
             {"peak_fraction", rounded_to(4, time.gflops / result.peak_gflops)}};
    if (time.bytes > 0.0) one["bytes"] = static_cast<int64_t>(time.bytes);
    json["operators"].push_back(std::move(one));
  }
}

void add_start(const StartTimes& start, Json& json) {
  json["warm_load_ms"] = milliseconds(start.warm_load_ms);
  json["warm_first_run_ms"] = milliseconds(start.warm_first_run_ms);
  json["cold_load_ms"] = milliseconds(start.cold_load_ms);
  json["cold_first_run_ms"] = milliseconds(start.cold_first_run_ms);
  json["cold_kept_in_cache"] = rounded_to(4, start.kept_in_cache);
}

/// Fields that came later stand behind the others, whose order scripts may know.
void add_later_fields(const BenchResult& result, Json& json) {
  json["p50_low_ms"] = milliseconds(result.p50_interval.low);
  json["p50_high_ms"] = milliseconds(result.p50_interval.high);
  json["p99_9_ms"] = milliseconds(result.p99_9_ms);
  json["warm_up_runs"] = result.warm_up_runs;
  json["peak_gflops"] = rounded_to(3, result.peak_gflops);
  json["private_mb"] = rounded_to(1, result.private_mb);
  json["pss_mb"] = rounded_to(1, result.pss_mb);
  if (result.generation) {
    json["between_tokens_ms"] = milliseconds(result.generation->between_tokens_ms);
  }
  if (!result.input.empty()) json["input"] = result.input;
  if (result.joules_per_run) json["joules_per_run"] = rounded_to(6, *result.joules_per_run);
  if (result.start) add_start(*result.start, json);
  if (result.against) json["against"] = to_json(*result.against);
  for (const StreamResult& stream : result.streams) json["streams"].push_back(to_json(stream));
  json["notes"] = notes_of(result);
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
  if (result.generation) add_generation(*result.generation, json);
  json["gflops"] = rounded_to(3, result.gflops);
  json["roofline_gflops"] = rounded_to(3, result.roofline_gflops);
  json["roofline_fraction"] = rounded_to(4, result.roofline_fraction);
  json["peak_rss_mb"] = rounded_to(1, result.peak_rss_mb);
  json["allocations_per_run"] = result.allocations_per_run;
  add_operators(result, json);
  if (result.new_tokens > 0) json["beams"] = result.beams;
  if (result.load > 0) json["load_processes"] = result.load;
  add_later_fields(result, json);
  return dump(json);
}

std::string comparison_json(const Comparisons& comparisons) {
  std::string lines;
  for (const Comparison& pair : comparisons.pairs) {
    lines += dump({{"work", pair.work},
                   {"first", pair.first_model},
                   {"second", pair.second_model},
                   {"first_ms", milliseconds(pair.first_ms)},
                   {"second_ms", milliseconds(pair.second_ms)},
                   {"ratio", rounded_to(4, pair.ratio.value)},
                   {"ratio_low", rounded_to(4, pair.ratio.interval.low)},
                   {"ratio_high", rounded_to(4, pair.ratio.interval.high)},
                   {"verdict", verdict_of(pair.ratio)}});
  }
  return lines;
}

}  // namespace lanewise::cli
