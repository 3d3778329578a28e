#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/cache_flags.hpp"
#include "cli/command.hpp"
#include "cli/generating.hpp"
#include "cli/grammar_flags.hpp"
#include "cli/interrupt.hpp"
#include "cli/on_error.hpp"
#include "cli/open_model.hpp"
#include "cli/output_options.hpp"
#include "cli/record_writer.hpp"
#include "cli/search_flags.hpp"
#include "cli/source_language.hpp"
#include "cli/tensor_files.hpp"
#include "cli/texts.hpp"
#include "lanewise/generator.hpp"
#include "lanewise/sources.hpp"
#include "lanewise/status_macros.hpp"
#include "lanewise/tokenizer.hpp"
#include "lanewise/translator.hpp"

namespace lanewise::cli {
namespace {

struct GenerateOptions {
  std::string model;
  TextOptions texts;
  std::string input_ids;
  SourceLanguageOption source_language;
  std::string target_language;
  SearchFlags search;
  GrammarFlags grammar;
  OnErrorOption on_error;
  OutputOptions output;
  bool json = false;
  GenerationStyle style;
  CacheFlags cache;
};

using Sources = Generating::Sources;

/// The rows of `input_ids`, without their padding.
Result<Sources> sources_in_file(const std::string& path) {
  LANEWISE_ASSIGN_OR_RETURN(const TensorMap tensors, read_tensors(path));
  for (const auto& [name, tensor] : tensors) {
    if (name == "input_ids" || name == "attention_mask") continue;
    return invalid_argument(
        fmt::format("'{}': unknown tensor '{}'; known: input_ids, attention_mask", path, name));
  }
  if (!tensors.contains("input_ids")) {
    return invalid_argument(fmt::format("'{}': tensor 'input_ids' is missing", path));
  }
  return sources_of_tensors(tensors);
}

void check_usage(const GenerateOptions& options) {
  options.search.check_usage(options.json || options.output.ends_with(".jsonl"));
  check_record_output(options.output, options.texts.input(), options.json);
  options.grammar.check_usage();
  if (options.style.stream && options.json) wrong_usage("--stream and --json exclude each other");
  if (options.style.stream && options.output.given())
    wrong_usage("--stream and --output exclude each other");
  if (options.input_ids.empty()) return options.texts.check_usage();
  if (options.texts.given()) wrong_usage("give texts or --input-ids, not both");
  if (options.source_language.given()) {
    wrong_usage("--input-ids contains its language tokens: omit --source-language");
  }
}

Status generate(const GenerateOptions& options, Shell& shell) {
  check_usage(options);
  catch_interrupts();
  LANEWISE_RETURN_IF_ERROR(options.output.check());
  Sources ids;
  if (!options.input_ids.empty()) {
    LANEWISE_ASSIGN_OR_RETURN(ids, sources_in_file(options.input_ids));
  }
  LANEWISE_ASSIGN_OR_RETURN(const Model model, open_model(options.model, shell));
  GenerationOptions search = options.search.over(model.info().generation);
  if (!options.target_language.empty()) {
    LANEWISE_ASSIGN_OR_RETURN(search.forced_bos_token_id,
                              language_token(model, options.target_language));
  }
  LANEWISE_ASSIGN_OR_RETURN(Generator generator,
                            Generator::create(model, options.cache.over(shell.session_options())));
  LANEWISE_RETURN_IF_ERROR(validate(search, model.info().generated_vocabulary_size()));
  const Result<Tokenizer> opened = Tokenizer::of_target(model);
  std::optional<Tokenizer> target;
  if (opened.ok()) {
    target = *opened;
  } else if (opened.status().code() != StatusCode::kNotFound) {
    return opened.status();
  }
  if (options.style.stream) {
    if (search.beams > 1) wrong_usage("--stream needs a search without beams: add --beams 1");
    if (search.num_return_sequences > 1) wrong_usage("--stream shows one sequence of a source");
    if (!target) return unsupported("--stream: the model has no tokenizer");
  }
  if (options.style.echo) {
    if (model.info().target_vocabulary_size > 0) {
      return unsupported("--echo: the model has an encoder: what it writes continues no text");
    }
    if (!target) return unsupported("--echo: the model has no tokenizer");
  }
  std::optional<Constraint> constraint;
  if (options.grammar.given()) {
    if (!target) return unsupported("the model has no tokenizer, which a grammar needs");
    LANEWISE_ASSIGN_OR_RETURN(constraint, options.grammar.constraint(*target));
  }
  LANEWISE_ASSIGN_OR_RETURN(RecordWriter records,
                            RecordWriter::create(options.json, options.output, options.model,
                                                 options.texts.input(), shell));
  Generating generating(model, std::move(generator), std::move(search), std::move(target),
                        options.style, options.on_error, std::move(records), shell);
  if (constraint) generating.constrain(*constraint);
  if (!options.input_ids.empty()) return generating.rows(std::move(ids));
  return generating.texts(options.texts, options.source_language);
}

}  // namespace

Command make_generate(CLI::App& program, Shell& shell) {
  CLI::App* command = add_command(program, shell, "generate",
                                  "Generate texts from texts: translate, pronounce, ...");
  const auto options = std::make_shared<GenerateOptions>();
  add_model(*command, options->model);
  options->texts.add_to(*command);
  command
      ->add_option("--input-ids", options->input_ids,
                   "Read token ids instead: input_ids [B, T] and optional attention_mask; `-` is "
                   "stdin")
      ->type_name("FILE.safetensors");
  options->source_language.add_to(*command);
  command
      ->add_option("--target-language", options->target_language,
                   "Output language of a multilingual model: fra_Latn, fra, fr, ...")
      ->type_name("NAME");
  options->search.add_to(*command);
  options->grammar.add_to(*command);
  options->on_error.add_to(*command, /*with_truncate=*/true);
  options->cache.add_to(*command, /*with_bytes=*/true);
  command->add_flag("--stream", options->style.stream,
                    "Print each piece of text as soon as it is generated");
  command->add_flag("--echo", options->style.echo,
                    "Print the prompt before the text that continues it");
  options->output.add_to(*command, kRecordOutputHelp);
  command->add_flag(
      "--json", options->json,
      "Print one object per source: text, ids, score, finish_reason, and alternatives "
      "if there are several hypotheses");
  command->footer(
      "Prints one line per text, in order. `ids` are the generated tokens without start and end\n"
      "token. A text that --on-error skip omits is named on stderr, and its line is empty, or\n"
      "with --json {\"text\": null, \"error\": ...}; the exit status is then 3. Without TEXT,\n"
      "--input and --input-ids, lines come from stdin.\n\n"
      "  lanewise generate models/g2p transformer attention\n"
      "  lanewise generate llama.gguf --json-schema person.json 'A person as JSON: '\n"
      "  lanewise generate translator.lw --input texts.txt --beams 4");
  return {command, [options, &shell] { return generate(*options, shell); }};
}

}  // namespace lanewise::cli
