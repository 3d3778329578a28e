#include <cmath>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/cache_flags.hpp"
#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/lines.hpp"
#include "cli/open_model.hpp"
#include "lanewise/scorer.hpp"
#include "lanewise/status_macros.hpp"
#include "lanewise/tokenizer.hpp"

namespace lanewise::cli {
namespace {

struct PerplexityOptions {
  std::string model;
  std::string input;
  bool json = false;
  CacheFlags cache;
};

struct Measured {
  size_t tokens = 0;
  double perplexity = 0;
  double bits_per_byte = 0;
};

Result<Measured> measure(const std::string& text, const Model& model,
                         const SessionOptions& session) {
  LANEWISE_ASSIGN_OR_RETURN(const Tokenizer tokenizer, Tokenizer::of(model));
  LANEWISE_ASSIGN_OR_RETURN(const Encoding encoding, tokenizer.encode(text));
  LANEWISE_ASSIGN_OR_RETURN(Scorer scorer, Scorer::create(model, session));
  RunOptions run;
  run.cancel = &interrupted();
  LANEWISE_ASSIGN_OR_RETURN(const std::vector<float> scores,
                            scorer.log_probabilities(encoding.ids, run));
  const double sum = std::accumulate(scores.begin(), scores.end(), 0.0);
  return Measured{.tokens = encoding.ids.size(),
                  .perplexity = std::exp(-sum / static_cast<double>(scores.size())),
                  .bits_per_byte = -sum / std::log(2.0) / static_cast<double>(text.size())};
}

/// JSON has no infinity, which a text of probability 0 would need.
std::string json_number(double value) {
  return std::isfinite(value) ? fmt::format("{}", value) : "null";
}

Status perplexity(const PerplexityOptions& options, Shell& shell) {
  catch_interrupts();
  LANEWISE_ASSIGN_OR_RETURN(const std::string text, LineReader::read_all(options.input));
  LANEWISE_ASSIGN_OR_RETURN(const Model model, open_model(options.model, shell));
  const Result<Measured> measured =
      measure(text, model, options.cache.over(shell.session_options()));
  if (!measured.ok()) {
    if (interrupted()) return cancelled("interrupted");
    return measured.status().with_context(options.input == "-" ? "standard input"
                                                               : "'" + options.input + "'");
  }
  const auto [tokens, perplexity, bits] = *measured;
  if (!options.json) {
    return shell.out.line(fmt::format("perplexity {:.4f}, {:.4f} bits per byte, {} tokens",
                                      perplexity, bits, tokens));
  }
  return shell.out.line(fmt::format(R"({{"tokens": {}, "perplexity": {}, "bits_per_byte": {}}})",
                                    tokens, json_number(perplexity), json_number(bits)));
}

}  // namespace

Command make_perplexity(CLI::App& program, Shell& shell) {
  CLI::App* command = add_command(program, shell, "perplexity",
                                  "Measure how well a decoder-only model predicts a text");
  const auto options = std::make_shared<PerplexityOptions>();
  add_model(*command, options->model);
  command->add_option("--input", options->input, "The text, a whole file; `-` is stdin")
      ->required()
      ->type_name("FILE");
  options->cache.add_to(*command, /*with_bytes=*/false);
  command->add_flag("--json", options->json, "Print one object: tokens, perplexity, bits_per_byte");
  command->footer(
      "The file is one text, with the tokenizer's special tokens; every token but the first is\n"
      "predicted. A text longer than the model's context is computed in windows of that length\n"
      "that overlap by half, and each token counts once.\n\n"
      "  lanewise perplexity smollm2.lw --input book.txt");
  return {command, [options, &shell] { return perplexity(*options, shell); }};
}

}  // namespace lanewise::cli
