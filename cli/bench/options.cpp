#include "cli/bench/options.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "cli/command.hpp"
#include "lanewise/generation.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

// A typical paragraph.
constexpr int64_t kDefaultLength = 128;
constexpr long long kMostBatch = 1'000'000;
constexpr long long kMostLength = 1'000'000;
constexpr long long kMostLoad = 256;

void add_batch_flags(CLI::App& command, BenchOptions& options) {
  command
      .add_option("--batch", options.batch, "Sequences; default: 1, or as many as --lengths has")
      ->check(whole_number(1, kMostBatch))
      ->type_name("B");
  CLI::Option* length =
      command.add_option("--length", options.length, "Tokens of each sequence; default: 128")
          ->check(whole_number(1, kMostLength))
          ->type_name("L");
  command
      .add_option("--lengths", options.lengths,
                  "Tokens of each sequence; --batch repeats or shortens the list")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(whole_number(1, kMostLength))
      ->type_name("L1,L2,...")
      ->excludes(length);
  command
      .add_option("--new-tokens", options.new_tokens,
                  "Tokens to generate per sequence; default: 32 for encoder-decoders")
      ->check(whole_number(1, kMostLength))
      ->type_name("N");
  command.add_option("--beams", options.beams, "Beams of the search; default: 1, greedy")
      ->check(whole_number(1, kMaxBeams))
      ->type_name("N");
}

void add_workload_flags(CLI::App& command, BenchOptions& options) {
  command
      .add_option("--sweep", options.sweep,
                  "Measure all combinations, in turn: batch=1,8 length=16..512 threads=1,2 "
                  "weights=f32,int8 isa=avx2; a range doubles")
      ->type_name("NAME=V1,V2,...");
  command
      .add_option("--input", options.input,
                  "Run on the texts of FILE, one per line, instead of random ids; `-` is stdin")
      ->type_name("FILE");
  command
      .add_option("--rate", options.rates,
                  "Then send requests at random times, R a second on average, for S seconds each")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(positive_seconds().description(""))
      ->type_name("R1,R2,...");
  command
      .add_option("--against", options.against,
                  "Run another model in turn with this one, and say which is faster")
      ->type_name("MODEL");
  command
      .add_option("--compare", options.compare,
                  "Without MODEL: compare two files of saved --json results")
      ->expected(2)
      ->type_name("A.json B.json");
}

void add_output_flags(CLI::App& command, BenchOptions& options) {
  command
      .add_option("--trace", options.trace,
                  "Write one run, a span for each node and thread, for chrome://tracing")
      ->type_name("FILE.json");
  command.add_option("--csv", options.csv, "Write the results as comma-separated values")
      ->type_name("FILE");
  command
      .add_option("--report", options.report, "Write a page with plots and tables of the results")
      ->type_name("FILE.html");
  command.add_flag("--json", options.json, "Print one JSON object for each result");
}

/// Refuses what --sweep and another flag both set.
void refuse_both(bool swept, bool given, const char* name, const char* flag) {
  if (swept && given) {
    wrong_usage(fmt::format("--sweep {}= and {} exclude each other", name, flag));
  }
}

}  // namespace

void BenchOptions::add_to(CLI::App& command) {
  add_batch_flags(command, *this);
  cache.add_to(command, /*with_bytes=*/false);
  command
      .add_option("--output", output,
                  "The output to compute; default: sentence_embedding or else last_hidden_state")
      ->type_name("NAME");
  command
      .add_option("--seconds", seconds,
                  "Seconds to repeat the run for, each of a sweep; default: 3")
      ->check(positive_seconds())
      ->type_name("S");
  add_workload_flags(command, *this);
  command
      .add_option("--load", load,
                  "Busy processes that compete for the cores during the runs; default: 0")
      ->check(whole_number(0, kMostLoad))
      ->type_name("N");
  command.add_flag("--cold-start", cold_start,
                   "Also measure loading and the first run with the file in memory and not");
  add_output_flags(command, *this);
}

std::vector<SweepPoint> BenchOptions::points(const Shell& shell) const {
  const Result<Sweep> parsed = parse_sweep(sweep);
  if (!parsed.ok()) wrong_usage("--sweep: " + parsed.status().message());
  const bool has_input = !input.empty();
  refuse_both(!parsed->batch.empty(), batch > 0, "batch", "--batch");
  refuse_both(!parsed->length.empty(), length > 0, "length", "--length");
  refuse_both(!parsed->length.empty(), !lengths.empty(), "length", "--lengths");
  refuse_both(!parsed->threads.empty(), shell.common.threads > 0, "threads", "--threads");
  refuse_both(!parsed->isa.empty(), !shell.common.isa.empty(), "isa", "--isa");
  refuse_both(!parsed->batch.empty(), has_input, "batch", "--input");
  refuse_both(!parsed->length.empty(), has_input, "length", "--input");
  if (has_input && (batch > 0 || length > 0 || !lengths.empty())) {
    wrong_usage("--input brings its own lengths: leave out --batch, --length and --lengths");
  }
  std::vector<SweepPoint> points = combinations(*parsed);
  for (SweepPoint& point : points) {
    if (point.batch == 0) point.batch = batch;
    if (point.length == 0) point.length = length;
    if (point.threads == 0) point.threads = shell.common.threads;
    if (point.isa.empty()) point.isa = shell.common.isa;
  }
  if (!trace.empty() && points.size() > 1) wrong_usage("--trace writes one run: leave out --sweep");
  return points;
}

Result<std::vector<int32_t>> BenchOptions::lengths_of(const SweepPoint& point,
                                                      const ModelInfo& info) const {
  std::vector<int32_t> list = lengths;
  if (list.empty()) {
    const int64_t tokens =
        point.length > 0 ? point.length : std::min(kDefaultLength, info.max_tokens);
    list = {static_cast<int32_t>(tokens)};
  }
  for (const int32_t tokens : list) {
    if (tokens > info.max_tokens) {
      return invalid_argument(
          fmt::format("a length of {}: the model takes up to {} tokens", tokens, info.max_tokens));
    }
  }
  const size_t listed = list.size();
  if (point.batch > 0) list.resize(static_cast<size_t>(point.batch));
  for (size_t i = listed; i < list.size(); ++i) list[i] = list[i - listed];
  return list;
}

std::string BenchOptions::output_of(const ModelInfo& info) const {
  if (!output.empty()) return output;
  for (const std::string_view wanted : {"sentence_embedding", "last_hidden_state"}) {
    for (const OutputInfo& known : info.outputs) {
      if (known.name == wanted) return known.name;
    }
  }
  return info.outputs.empty() ? std::string() : info.outputs.front().name;
}

bool BenchOptions::generates(const ModelInfo& info) const {
  if (new_tokens > 0 || beams > 0) return true;
  return info.target_vocabulary_size > 0 && output.empty();
}

}  // namespace lanewise::cli
