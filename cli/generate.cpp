#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/command.hpp"
#include "cli/generation_text.hpp"
#include "cli/interrupt.hpp"
#include "cli/open_model.hpp"
#include "cli/progress.hpp"
#include "cli/search_flags.hpp"
#include "cli/source_language.hpp"
#include "cli/tensor_files.hpp"
#include "cli/texts.hpp"
#include "lanewise/generator.hpp"
#include "lanewise/translator.hpp"
#include "ops/status_macros.hpp"
#include "runtime/batch.hpp"
#include "runtime/model_data.hpp"
#include "runtime/tasks/source_ids.hpp"
#include "runtime/tasks/text_stream.hpp"

namespace lanewise::cli {
namespace {

struct GenerateOptions {
  std::string model;
  TextOptions texts;
  std::string input_ids;
  SourceLanguageOption source_language;
  std::string target_language;
  SearchFlags search;
  bool stream = false;
  bool json = false;
};

using Sources = std::vector<std::vector<int32_t>>;

/// The rows of `input_ids`, without their padding.
Result<Sources> sources_in_file(const std::string& path) {
  LW_ASSIGN_OR_RETURN(const TensorMap tensors, read_tensors(path));
  for (const auto& [name, tensor] : tensors) {
    if (name == "input_ids" || name == "attention_mask") continue;
    return invalid_argument(
        fmt::format("'{}': unknown tensor '{}'; known: input_ids, attention_mask", path, name));
  }
  const auto ids = tensors.find("input_ids");
  if (ids == tensors.end()) {
    return invalid_argument(fmt::format("'{}': tensor 'input_ids' is missing", path));
  }
  LW_ASSIGN_OR_RETURN(const PaddedRows rows,
                      PaddedRows::create(tensors, "input_ids", "attention_mask"));
  LW_ASSIGN_OR_RETURN(const std::vector<int32_t> all, rows.gather(ids->second, "input_ids"));
  Sources sources;
  auto begin = all.begin();
  for (const int32_t length : rows.lengths()) {
    sources.emplace_back(begin, begin + length);
    begin += length;
  }
  return sources;
}

/// One run of the command: what all portions of the input share.
class Generating {
 public:
  Generating(const Model& model, Generator generator, GenerationOptions search,
             const text::Tokenizer* target, bool json, bool stream, Shell& shell)
      : model_(model),
        generator_(std::move(generator)),
        search_(std::move(search)),
        target_(target),
        json_(json),
        stream_(stream),
        shell_(shell),
        progress_(shell) {
    run_.cancel = &interrupted();
  }

  Status texts(const TextOptions& options, const SourceLanguageOption& source_language) {
    LW_ASSIGN_OR_RETURN(const text::Tokenizer* tokenizer, model_.data().open_tokenizer());
    if (tokenizer == nullptr) {
      return unsupported("the model has no tokenizer; give token ids with --input-ids");
    }
    LW_ASSIGN_OR_RETURN(const auto language, source_language.look_up(*tokenizer));
    LW_ASSIGN_OR_RETURN(TextSource input, TextSource::open(options));
    while (true) {
      LW_ASSIGN_OR_RETURN(const auto portion, input.next());
      if (portion.empty()) return {};
      Sources sources;
      for (size_t i = 0; i < portion.size(); ++i) {
        auto ids = tasks::source_ids(*tokenizer, portion[i], model_.info(), language);
        if (!ids.ok()) return ids.status().with_context(input.where(i));
        sources.push_back(std::move(*ids));
      }
      LW_RETURN_IF_ERROR(this->sources(sources, input.texts_before(), input.part_read()));
    }
  }

  /// `before` sources were done earlier; `part` of the input has been read.
  Status sources(const Sources& sources, int64_t before, double part) {
    if (stream_) return streamed(sources);
    GenerationCallbacks callbacks;
    callbacks.progress = [&](int64_t done) { progress_.update(before + done, part); };
    LW_ASSIGN_OR_RETURN(const auto generations,
                        generator_.generate(sources, search_, callbacks, run_));
    if (interrupted()) return cancelled("interrupted");
    for (const Generation& generation : generations) LW_RETURN_IF_ERROR(print(generation));
    return shell_.out.flush();
  }

 private:
  Status print(const Generation& generation) {
    LW_ASSIGN_OR_RETURN(const std::string line,
                        json_ ? to_json(generation, target_) : to_plain(generation, target_));
    return shell_.out.line(line);
  }

  /// Sources one by one, each piece of text as soon as it is clear.
  Status streamed(const Sources& sources) {
    for (const std::vector<int32_t>& source : sources) {
      tasks::TextStream stream(*target_);
      Status written;
      const auto show = [&](std::string_view piece) {
        written = shell_.out.write(piece);
        if (written.ok()) written = shell_.out.flush();
        return written.ok() && !shell_.out.reader_gone();
      };
      GenerationCallbacks callbacks;
      callbacks.on_token = [&](int64_t, int32_t token) { return show(stream.add(token)); };
      LW_ASSIGN_OR_RETURN(const auto generations,
                          generator_.generate({&source, 1}, search_, callbacks, run_));
      if (interrupted()) return cancelled("interrupted");
      LW_RETURN_IF_ERROR(written);
      show(stream.finish());
      LW_RETURN_IF_ERROR(written);
      LW_RETURN_IF_ERROR(shell_.out.line(""));
      LW_RETURN_IF_ERROR(shell_.out.flush());
    }
    return {};
  }

  const Model& model_;
  Generator generator_;
  const GenerationOptions search_;
  const text::Tokenizer* target_;
  const bool json_;
  const bool stream_;
  Shell& shell_;
  Progress progress_;
  RunOptions run_;
};

void check_usage(const GenerateOptions& options) {
  options.search.check_usage();
  if (options.stream && options.json) wrong_usage("--stream and --json exclude each other");
  if (options.input_ids.empty()) return options.texts.check_usage();
  if (options.texts.given()) wrong_usage("give texts or --input-ids, not both");
  if (options.source_language.given()) {
    wrong_usage("--input-ids has its tokens of languages: leave out --source-language");
  }
}

Status generate(const GenerateOptions& options, Shell& shell) {
  check_usage(options);
  catch_interrupts();
  Sources ids;
  if (!options.input_ids.empty()) {
    LW_ASSIGN_OR_RETURN(ids, sources_in_file(options.input_ids));
  }
  LW_ASSIGN_OR_RETURN(const Model model, open_model(options.model, shell));
  GenerationOptions search = options.search.over(model.info().generation);
  if (!options.target_language.empty()) {
    LW_ASSIGN_OR_RETURN(search.forced_bos_token_id, language_token(model, options.target_language));
  }
  LW_ASSIGN_OR_RETURN(Generator generator, Generator::create(model, shell.session_options()));
  LW_ASSIGN_OR_RETURN(const text::Tokenizer* target, model.data().open_target_tokenizer());
  if (options.stream) {
    if (search.beams > 1) wrong_usage("--stream needs a search without beams: add --beams 1");
    if (search.num_return_sequences > 1) wrong_usage("--stream shows one sequence of a source");
    if (target == nullptr) return unsupported("--stream: the model has no tokenizer");
  }
  Generating generating(model, std::move(generator), std::move(search), target, options.json,
                        options.stream, shell);
  if (!options.input_ids.empty()) return generating.sources(ids, 0, 0.0);
  return generating.texts(options.texts, options.source_language);
}

}  // namespace

Command make_generate(CLI::App& program, Shell& shell) {
  CLI::App* command =
      add_command(program, shell, "generate", "Turn texts into texts: translate, pronounce, ...");
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
      ->add_option(
          "--target-language", options->target_language,
          "What a multilingual model writes: its token, or a name in it: fra_Latn, fra, fr")
      ->type_name("NAME");
  options->search.add_to(*command);
  command->add_flag("--stream", options->stream, "Print each piece of text as soon as it is there");
  command->add_flag("--json", options->json,
                    "Print an object a source: text, ids, score, finish_reason, and alternatives "
                    "where there are several hypotheses");
  command->footer(
      "A line of output for each text, in their order. `ids` are the new tokens alone, without "
      "start\n"
      "and end token. Without TEXT, --input and --input-ids lines come from stdin.\n\n"
      "  lanewise generate models/g2p transformer attention\n"
      "  lanewise generate translator.lw --input texts.txt --beams 4");
  return {command, [options, &shell] { return generate(*options, shell); }};
}

}  // namespace lanewise::cli
