#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/json_text.hpp"
#include "cli/open_model.hpp"
#include "cli/progress.hpp"
#include "cli/text_loop.hpp"
#include "cli/texts.hpp"
#include "lanewise/reranker.hpp"
#include "lanewise/status_macros.hpp"
#include "lanewise/tokenizer.hpp"

namespace lanewise::cli {
namespace {

struct RerankOptions {
  std::string model;
  std::string query;
  std::string by;
  std::vector<double> mix;
  TextOptions texts;
  int64_t top = 5;
  bool json = false;
};

constexpr std::array kWays =
    std::to_array<std::pair<const char*, RankBy>>({{"pairs", RankBy::kPairs},
                                                   {"embeddings", RankBy::kEmbeddings},
                                                   {"sparse", RankBy::kSparse},
                                                   {"tokens", RankBy::kTokens},
                                                   {"mixed", RankBy::kMixed}});

std::vector<std::string> names_of_ways() {
  std::vector<std::string> names(kWays.size());
  std::ranges::transform(kWays, names.begin(), [](const auto& way) { return way.first; });
  return names;
}

RankingOptions ranking_options(const RerankOptions& options) {
  RankingOptions ranking;
  for (const auto& [name, by] : kWays) {
    if (options.by == name) ranking.by = by;
  }
  if (options.mix.empty()) return ranking;
  ranking.weights = {
      .embeddings = options.mix[0], .sparse = options.mix[1], .tokens = options.mix[2]};
  return ranking;
}

/// All of them: the best one may be the last.
Result<std::vector<std::string>> read_all(TextSource source) {
  std::vector<std::string> all;
  while (true) {
    LANEWISE_ASSIGN_OR_RETURN(const auto texts, source.next());
    if (texts.empty()) return all;
    all.insert(all.end(), texts.begin(), texts.end());
  }
}

void append_json(std::string& line, const RankedText& ranked, std::string_view text) {
  line += fmt::format("{{\"index\": {}, \"score\": ", ranked.index);
  append_json_float(line, ranked.score);
  line += ", \"text\": ";
  append_json_string(line, text);
  line += '}';
}

void append_ranked(std::string& line, const RankedText& ranked, std::string_view text) {
  append_float(line, ranked.score);
  line += fmt::format("\t{}\t{}", ranked.index, text);
}

Status rerank(const RerankOptions& options, Shell& shell) {
  options.texts.check_usage();
  catch_interrupts();
  LANEWISE_RETURN_IF_ERROR(check_utf8(options.query).with_context("--query"));
  LANEWISE_ASSIGN_OR_RETURN(TextSource source, TextSource::open(options.texts));
  LANEWISE_ASSIGN_OR_RETURN(const Model model, open_model(options.model, shell));
  LANEWISE_ASSIGN_OR_RETURN(Reranker reranker, Reranker::create(model, shell.session_options(),
                                                                ranking_options(options)));
  LANEWISE_ASSIGN_OR_RETURN(const std::vector<std::string> texts, read_all(std::move(source)));
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  RunOptions run;
  run.cancel = &interrupted();
  Progress progress(shell);
  const auto update = [&](int64_t done) {
    progress.update(done, static_cast<double>(done) / static_cast<double>(texts.size()));
  };
  LANEWISE_ASSIGN_OR_RETURN(const std::vector<RankedText> ranking,
                            reranker.rank(options.query, views, run, update));
  progress.wipe();
  std::string line;
  for (const RankedText& ranked :
       std::span(ranking).first(std::min(ranking.size(), static_cast<size_t>(options.top)))) {
    line.clear();
    const std::string_view text = views[static_cast<size_t>(ranked.index)];
    options.json ? append_json(line, ranked, text) : append_ranked(line, ranked, text);
    LANEWISE_RETURN_IF_ERROR(shell.out.line(line));
  }
  report_truncation(shell, std::ranges::count(ranking, true, &RankedText::truncated),
                    model.info().max_text_tokens);
  return {};
}

}  // namespace

Command make_rerank(CLI::App& program, Shell& shell) {
  CLI::App* command =
      add_command(program, shell, "rerank", "Order texts by how well they answer a query");
  const auto options = std::make_shared<RerankOptions>();
  add_model(*command, options->model);
  command->add_option("--query", options->query, "What the texts are compared with")
      ->required()
      ->type_name("TEXT");
  CLI::Option* by =
      command
          ->add_option("--by", options->by,
                       "What is compared: pairs (cross-encoders), embeddings, sparse (SPLADE, "
                       "BGE-M3), tokens (ColBERT, BGE-M3) or mixed (BGE-M3: these three); default: "
                       "what the model was made for")
          ->check(CLI::IsMember(names_of_ways()).description(""))
          ->type_name("WAY");
  command
      ->add_option("--mix", options->mix,
                   "What embeddings, sparse and tokens count in a mixed score; default "
                   "0.4,0.2,0.4")
      ->delimiter(',')
      ->expected(3)
      ->check(CLI::Range(0.0, 1e6).description(""))
      ->type_name("E,S,T")
      ->needs(by);
  options->texts.add_to(*command);
  add_top(*command, options->top, "Print the K best texts");
  command->add_flag("--json", options->json, "Print one object per text: index, score, text");
  command->footer(
      "Without --json, prints one line per text, best first: score, index from 0, and text,\n"
      "separated by tabs. Without TEXT and --input, lines come from stdin.\n\n"
      "MODEL is a cross-encoder with one label, a late-interaction model (ColBERT), an embedding\n"
      "model or one for sparse embeddings (SPLADE); without --by, a model with embeddings, sparse\n"
      "embeddings and vectors of tokens (BGE-M3) mixes them.\n\n"
      "  lanewise rerank cross-encoder.lw --query \"capital of France\" --input passages.txt");
  return {command, [options, &shell] { return rerank(*options, shell); }};
}

}  // namespace lanewise::cli
