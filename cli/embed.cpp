#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "cli/embed_precision.hpp"
#include "cli/embed_writers.hpp"
#include "cli/embedding_formats.hpp"
#include "cli/interrupt.hpp"
#include "cli/on_error.hpp"
#include "cli/open_model.hpp"
#include "cli/progress.hpp"
#include "cli/record_writer.hpp"
#include "cli/text_loop.hpp"
#include "cli/texts.hpp"
#include "lanewise/embedder.hpp"
#include "lanewise/sparse_embedder.hpp"
#include "lanewise/status_macros.hpp"
#include "lanewise/token_embedder.hpp"
#include "lanewise/tokenizer.hpp"

namespace lanewise::cli {
namespace {

struct EmbedOptions {
  std::string model;
  std::string as;
  TextOptions texts;
  std::string output;
  std::string prompt;
  int64_t dimensions = 0;  // 0: all
  EmbedPrecision precision;
  OnErrorOption on_error;
  bool sparse = false;
  bool tokens = false;
  bool json = false;
};

/// What a text becomes instead of one vector is no row of an array, and has no shorter form.
void check_usage_without_vectors(const EmbedOptions& options, const std::string& flag) {
  if (!options.precision.is_f32()) wrong_usage(flag + " and --precision exclude each other");
  if (options.dimensions > 0) wrong_usage(flag + " and --dimensions exclude each other");
  if (options.on_error.skips()) wrong_usage(flag + " stops at texts that are not UTF-8");
  if (!options.output.empty() && !options.output.ends_with(".jsonl")) {
    wrong_usage(flag + " writes .jsonl files");
  }
}

void check_usage(const EmbedOptions& options) {
  options.texts.check_usage();
  options.precision.check_usage();
  if (!options.precision.is_f32() && options.on_error.skips() && options.output.ends_with(".npy")) {
    wrong_usage("an array of integers has no row for a text that is left out: use .jsonl");
  }
  if (options.sparse && options.tokens) wrong_usage("--sparse and --tokens exclude each other");
  if (options.sparse) check_usage_without_vectors(options, "--sparse");
  if (options.tokens) check_usage_without_vectors(options, "--tokens");
}

using Writers = std::vector<std::unique_ptr<EmbedWriter>>;

Result<Writers> make_writers(const EmbedOptions& options, Shell& shell, int64_t dimension) {
  Writers writers;
  if (options.json) writers.push_back(make_json_writer(shell.out));
  if (!options.output.empty()) {
    LANEWISE_ASSIGN_OR_RETURN(writers.emplace_back(),
                              make_file_writer(options.output, options.precision.columns(dimension),
                                               options.precision.type()));
  }
  if (writers.empty()) writers.push_back(make_plain_writer(shell.out));
  return writers;
}

/// One run of the command: the state shared by all portions of the input.
class Embedding {
 public:
  Embedding(TextSource source, Embedder embedder, Writers writers, EmbedPrecision precision,
            const OnErrorOption& on_error, Shell& shell)
      : source_(std::move(source)),
        embedder_(std::move(embedder)),
        writers_(std::move(writers)),
        precision_(std::move(precision)),
        on_error_(on_error),
        shell_(shell),
        progress_(shell) {
    run_.cancel = &interrupted();
  }

  Status all() {
    while (true) {
      LANEWISE_ASSIGN_OR_RETURN(const auto texts, source_.next_unchecked());
      if (texts.empty()) break;
      LANEWISE_RETURN_IF_ERROR(portion(texts));
    }
    for (const auto& writer : writers_) LANEWISE_RETURN_IF_ERROR(writer->commit());
    return {};
  }

  /// The number of truncated texts.
  int64_t cut() const { return cut_; }

 private:
  /// Embeds the valid texts between invalid ones, run by run.
  Status portion(std::span<const std::string_view> texts) {
    size_t begin = 0;
    for (size_t i = 0; i < texts.size(); ++i) {
      const Status utf8 = check_utf8(texts[i]);
      if (utf8.ok()) continue;
      LANEWISE_RETURN_IF_ERROR(write(texts.subspan(begin, i - begin), begin));
      Status why = utf8.with_context(source_.where(i));
      if (!on_error_.skips()) return why;
      leave_out(why, shell_);
      for (const auto& writer : writers_)
        LANEWISE_RETURN_IF_ERROR(writer->leave_out(texts[i], why));
      begin = i + 1;
    }
    return write(texts.subspan(begin), begin);
  }

  Status write(std::span<const std::string_view> texts, size_t before) {
    if (texts.empty()) return {};
    const int64_t done_before = source_.texts_before() + static_cast<int64_t>(before);
    LANEWISE_ASSIGN_OR_RETURN(const Embeddings embeddings,
                              embedder_.embed(texts, run_, [&](int64_t done) {
                                progress_.update(done_before + done, source_.part_read());
                              }));
    cut_ += std::count(embeddings.truncated.begin(), embeddings.truncated.end(), true);
    LANEWISE_ASSIGN_OR_RETURN(const std::optional<QuantizedEmbeddings> quantized,
                              precision_.quantize(embeddings));
    const WrittenEmbeddings written{embeddings, quantized ? &*quantized : nullptr};
    for (const auto& writer : writers_) LANEWISE_RETURN_IF_ERROR(writer->write(texts, written));
    return {};
  }

  TextSource source_;
  Embedder embedder_;
  Writers writers_;
  EmbedPrecision precision_;
  const OnErrorOption& on_error_;
  Shell& shell_;
  Progress progress_;
  RunOptions run_;
  int64_t cut_ = 0;
};

/// The limit of texts: late-interaction models have another one for queries.
ModelInfo info_of_texts(const Model& model, const std::string& prompt) {
  ModelInfo info = model.info();
  const LateInteraction& late = info.head.late_interaction;
  if (late.is_used() && prompt == "query") info.max_text_tokens = late.queries.max_tokens;
  return info;
}

/// Vectors of other kinds: SparseEmbedder, TokenEmbedder.
template <typename Embedder>
Status embed_by(Embedder embedder, const EmbedOptions& options, TextSource source,
                const Model& model, Shell& shell) {
  if (!options.prompt.empty()) LANEWISE_RETURN_IF_ERROR(embedder.set_prompt(options.prompt));
  LANEWISE_ASSIGN_OR_RETURN(const EmbeddingFormat format, EmbeddingFormat::create(model));
  LANEWISE_ASSIGN_OR_RETURN(RecordWriter writer,
                            RecordWriter::create(options.json, options.output, shell.out));
  TextLoop loop(std::move(source), shell);
  const auto portion = [&](TextLoop::Texts texts) -> Status {
    LANEWISE_ASSIGN_OR_RETURN(const auto results,
                              embedder.embed(texts, loop.run_options(), loop.progress()));
    for (size_t i = 0; i < texts.size(); ++i) {
      const auto& result = results[i];
      const std::string_view text = texts[i];
      loop.count(result.truncated);
      LANEWISE_RETURN_IF_ERROR(writer.write([&] { return format.json(text, result); },
                                            [&] { return format.plain(text, result); }));
    }
    return {};
  };
  LANEWISE_RETURN_IF_ERROR(loop.run(portion));
  LANEWISE_RETURN_IF_ERROR(writer.commit());
  loop.report_truncation(info_of_texts(model, options.prompt));
  return {};
}

Status embed_sparse(const EmbedOptions& options, TextSource source, const Model& model,
                    Shell& shell) {
  LANEWISE_ASSIGN_OR_RETURN(SparseEmbedder embedder,
                            SparseEmbedder::create(model, shell.session_options()));
  return embed_by(std::move(embedder), options, std::move(source), model, shell);
}

Status embed_tokens(const EmbedOptions& options, TextSource source, const Model& model,
                    Shell& shell) {
  LANEWISE_ASSIGN_OR_RETURN(TokenEmbedder embedder,
                            TokenEmbedder::create(model, shell.session_options()));
  return embed_by(std::move(embedder), options, std::move(source), model, shell);
}

Status embed(const EmbedOptions& options, Shell& shell) {
  check_usage(options);
  catch_interrupts();
  if (!options.output.empty()) {
    LANEWISE_RETURN_IF_ERROR(check_embed_output(options.output));
    LANEWISE_RETURN_IF_ERROR(check_writable(options.output));
  }
  LANEWISE_ASSIGN_OR_RETURN(TextSource source, TextSource::open(options.texts));
  LANEWISE_ASSIGN_OR_RETURN(const Model model, open_model(options.model, shell, options.as));
  if (options.sparse) return embed_sparse(options, std::move(source), model, shell);
  if (options.tokens) return embed_tokens(options, std::move(source), model, shell);
  LANEWISE_ASSIGN_OR_RETURN(Embedder embedder, Embedder::create(model, shell.session_options()));
  if (options.dimensions > 0) {
    LANEWISE_RETURN_IF_ERROR(
        embedder.set_dimension(options.dimensions).with_context("--dimensions"));
  }
  if (!options.prompt.empty()) LANEWISE_RETURN_IF_ERROR(embedder.set_prompt(options.prompt));
  EmbedPrecision precision = options.precision;
  LANEWISE_RETURN_IF_ERROR(precision.prepare(embedder.dimension()));
  LANEWISE_ASSIGN_OR_RETURN(Writers writers, make_writers(options, shell, embedder.dimension()));
  Embedding embedding(std::move(source), std::move(embedder), std::move(writers),
                      std::move(precision), options.on_error, shell);
  LANEWISE_RETURN_IF_ERROR(embedding.all());
  report_truncation(shell, embedding.cut(), model.info().max_text_tokens);
  return {};
}

}  // namespace

Command make_embed(CLI::App& program, Shell& shell) {
  CLI::App* command = add_command(program, shell, "embed", "Compute sentence embeddings of texts");
  const auto options = std::make_shared<EmbedOptions>();
  add_model(*command, options->model);
  add_as(*command, options->as);
  options->texts.add_to(*command);
  command
      ->add_option("--output", options->output,
                   "Write FILE: .npy, a [texts, dimension] array; .jsonl, as --json prints")
      ->type_name("FILE");
  command
      ->add_option("--prompt", options->prompt,
                   "Put the model's prompt NAME before each text; default: the one that the model "
                   "names")
      ->type_name("NAME");
  command
      ->add_option("--dimensions", options->dimensions,
                   "Keep the first N numbers, normalised again if the model normalises")
      ->check(whole_number(1, INT32_MAX))
      ->type_name("N");
  options->precision.add_to(*command);
  command->add_flag("--sparse", options->sparse,
                    "Print weights of tokens of the vocabulary (SPLADE, BGE-M3), largest first");
  command->add_flag(
      "--tokens", options->tokens,
      "Print the vector of each token; ColBERT reads texts as documents, or as queries "
      "with --prompt query");
  options->on_error.add_to(*command, /*with_truncate=*/false);
  command->add_flag("--json", options->json,
                    "Print one object per line: text, embedding, tokens, truncated");
  command->footer(
      "Without --json and --output, prints one line per text: the text, a tab, and the numbers\n"
      "separated by spaces. Input lines end with \\n or \\r\\n; an empty line is a text. Without\n"
      "TEXT and --input, lines come from stdin.\n\n"
      "  lanewise embed minilm.lw \"a sentence\" \"한국어 문장\"\n"
      "  lanewise embed minilm.lw --input texts.txt --output vectors.npy");
  return {command, [options, &shell] { return embed(*options, shell); }};
}

}  // namespace lanewise::cli
