#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/bench_measure.hpp"
#include "cli/bench_report.hpp"
#include "cli/cache_flags.hpp"
#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/open_model.hpp"
#include "lanewise/files.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

// A typical paragraph.
constexpr int64_t kDefaultLength = 128;
// Tokens that a decoder generates without --new-tokens: a sentence.
constexpr int64_t kDefaultNewTokens = 32;
constexpr long long kMostBatch = 1'000'000;
constexpr long long kMostLength = 1'000'000;
constexpr long long kMostLoad = 256;

struct BenchOptions {
  std::string model;
  int64_t batch = 0;   // 0: not given
  int64_t length = 0;  // 0: not given
  std::vector<int32_t> lengths;
  std::string output;
  double seconds = 3.0;
  int load = 0;
  std::string trace;
  bool json = false;
  int64_t new_tokens = 0;
  int beams = 0;
  CacheFlags cache;
};

/// --batch sequences of --length tokens; with --lengths the list, repeated up to --batch.
Result<std::vector<int32_t>> lengths_of(const BenchOptions& options, const ModelInfo& info) {
  std::vector<int32_t> lengths = options.lengths;
  if (lengths.empty()) {
    const int64_t length =
        options.length > 0 ? options.length : std::min(kDefaultLength, info.max_tokens);
    lengths = {static_cast<int32_t>(length)};
  }
  for (const int32_t length : lengths) {
    if (length > info.max_tokens) {
      return invalid_argument(
          fmt::format("a length of {}: the model takes up to {} tokens", length, info.max_tokens));
    }
  }
  const size_t listed = lengths.size();
  if (options.batch > 0) lengths.resize(static_cast<size_t>(options.batch));
  for (size_t i = listed; i < lengths.size(); ++i) lengths[i] = lengths[i - listed];
  return lengths;
}

/// The model's main output, or that of --output.
std::string output_of(const BenchOptions& options, const ModelInfo& info) {
  if (!options.output.empty()) return options.output;
  for (const std::string_view wanted : {"sentence_embedding", "last_hidden_state"}) {
    for (const OutputInfo& output : info.outputs) {
      if (output.name == wanted) return output.name;
    }
  }
  return info.outputs.empty() ? std::string() : info.outputs.front().name;
}

/// Whether a run generates: if requested, and for encoder-decoders, which do nothing else, unless
/// an output of their encoder is requested.
bool generates(const BenchOptions& options, const ModelInfo& info) {
  if (options.new_tokens > 0 || options.beams > 0) return true;
  return info.target_vocabulary_size > 0 && options.output.empty();
}

Status write_trace(AtomicFile& file, const BenchResult& result) {
  const std::string trace = chrome_trace(result.profile);
  LANEWISE_RETURN_IF_ERROR(file.write(trace));
  return file.commit();
}

Result<BenchResult> load_and_measure(const BenchOptions& options, const Shell& shell) {
  const auto begin = std::chrono::steady_clock::now();
  LANEWISE_ASSIGN_OR_RETURN(const Model model, open_model(options.model, shell));
  BenchWork work;
  work.model = options.model;
  work.output = output_of(options, model.info());
  work.seconds = options.seconds;
  work.load = options.load;
  LANEWISE_ASSIGN_OR_RETURN(work.lengths, lengths_of(options, model.info()));
  std::optional<Session> session;
  std::optional<Generator> generator;
  std::unique_ptr<BenchTarget> target;
  if (generates(options, model.info())) {
    work.new_tokens = options.new_tokens > 0 ? options.new_tokens : kDefaultNewTokens;
    work.beams = std::max(options.beams, 1);
    // Every run is to compute its prompts and each token.
    SessionOptions session_options = options.cache.over(shell.session_options());
    session_options.reuse_prefixes = session_options.guess_repetitions = false;
    LANEWISE_ASSIGN_OR_RETURN(generator, Generator::create(model, session_options));
    target = bench_generator(*generator, model.info(), work.lengths, work.beams, work.new_tokens);
  } else {
    LANEWISE_ASSIGN_OR_RETURN(session,
                              Session::create(model, shell.session_options({work.output})));
    target = bench_session(*session, model.info(), work.lengths);
  }
  const std::chrono::duration<double> load_time = std::chrono::steady_clock::now() - begin;
  LANEWISE_ASSIGN_OR_RETURN(BenchResult result, measure(model, *target, work));
  result.load_ms = 1e3 * load_time.count();
  // The profile refers to names of the session, which ends here.
  if (!options.trace.empty()) {
    LANEWISE_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(options.trace));
    LANEWISE_RETURN_IF_ERROR(write_trace(file, result));
  }
  result.profile.clear();
  return result;
}

Status bench(const BenchOptions& options, Shell& shell) {
  catch_interrupts();
  if (!options.trace.empty()) LANEWISE_RETURN_IF_ERROR(check_writable(options.trace));
  LANEWISE_ASSIGN_OR_RETURN(const BenchResult result, load_and_measure(options, shell));
  return shell.out.write(options.json ? bench_json(result) : bench_table(result));
}

void add_batch_options(CLI::App& command, BenchOptions& options) {
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

}  // namespace

Command make_bench(CLI::App& program, Shell& shell) {
  CLI::App* command = add_command(program, shell, "bench", "Measure the speed of a model");
  const auto options = std::make_shared<BenchOptions>();
  add_model(*command, options->model);
  add_batch_options(*command, *options);
  options->cache.add_to(*command, /*with_bytes=*/false);
  command
      ->add_option("--output", options->output,
                   "The output to compute; default: sentence_embedding or else last_hidden_state")
      ->type_name("NAME");
  command->add_option("--seconds", options->seconds, "Seconds to repeat the run for; default: 3")
      ->check(positive_seconds())
      ->type_name("S");
  command
      ->add_option("--load", options->load,
                   "Busy processes that compete for the cores during the runs; default: 0")
      ->check(whole_number(0, kMostLoad))
      ->type_name("N");
  command
      ->add_option("--trace", options->trace,
                   "Write one run, a span for each node and thread, for chrome://tracing")
      ->type_name("FILE.json");
  command->add_flag("--json", options->json, "Print one JSON object");
  command->footer(
      "Runs the model on seeded random ids: a first run, a warm-up, runs for S seconds, and a few\n"
      "more that time each node. load_ms ends when the session is ready. GFLOP/s are the useful\n"
      "operations of the median run. The roofline is the rate of multiply-adds in registers on\n"
      "the same threads.\n\n"
      "  lanewise bench minilm.lw --batch 8 --length 128 --threads 2");
  return {command, [options, &shell] { return bench(*options, shell); }};
}

}  // namespace lanewise::cli
