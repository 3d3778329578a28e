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
#include "cli/output_file.hpp"
#include "cli/output_options.hpp"
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
  OutputOptions output;
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
  if (options.output.given() && !options.output.ends_with(".jsonl")) {
    wrong_usage(flag + " writes .jsonl files");
  }
}

void check_usage(const EmbedOptions& options) {
  options.texts.check_usage();
  options.output.check_usage(options.texts.input(), options.json);
  options.precision.check_usage();
  if (!options.precision.is_f32() && options.on_error.skips() && options.output.ends_with(".npy")) {
    wrong_usage("an array of integers has no row for a text that is left out: use .jsonl");
  }
  if (options.sparse && options.tokens) wrong_usage("--sparse and --tokens exclude each other");
  if (options.sparse) check_usage_without_vectors(options, "--sparse");
  if (options.tokens) check_usage_without_vectors(options, "--tokens");
}

using Writers = std::vector<std::unique_ptr<EmbedWriter>>;

/// One run of the command: the state shared by all portions of the input.
class Embedding {
 public:
  Embedding(TextSource source, Embedder embedder, std::optional<OutputFile> file,
            EmbedPrecision precision, const EmbedOptions& options, Shell& shell)
      : file_(std::move(file)),
        loop_(std::move(source), file_ ? &*file_ : nullptr, shell),
        embedder_(std::move(embedder)),
        precision_(std::move(precision)),
        on_error_(options.on_error) {
    if (options.json) writers_.push_back(make_json_writer(shell.out));
    if (file_) {
      writers_.push_back(make_file_writer(options.output.path(), *file_,
                                          precision_.columns(embedder_.dimension())));
    }
    if (writers_.empty()) writers_.push_back(make_plain_writer(shell.out));
  }
  Embedding(const Embedding&) = delete;
  Embedding& operator=(const Embedding&) = delete;

  Status all(const ModelInfo& info) {
    LANEWISE_RETURN_IF_ERROR(
        loop_.run_unchecked([this](TextLoop::Texts texts) { return portion(texts); }));
    loop_.report_truncation(info);
    return {};
  }

 private:
  /// Embeds the valid texts between invalid ones, run by run.
  Status portion(TextLoop::Texts texts) {
    size_t begin = 0;
    for (size_t i = 0; i < texts.size(); ++i) {
      const Status utf8 = check_utf8(texts[i]);
      if (utf8.ok()) continue;
      LANEWISE_RETURN_IF_ERROR(write(texts.subspan(begin, i - begin), begin));
      Status why = utf8.with_context(loop_.source().where(i));
      if (!on_error_.skips()) return why;
      loop_.leave_out(why);
      for (const auto& writer : writers_)
        LANEWISE_RETURN_IF_ERROR(writer->leave_out(texts[i], why));
      begin = i + 1;
    }
    return write(texts.subspan(begin), begin);
  }

  Status write(TextLoop::Texts texts, size_t before) {
    if (texts.empty()) return {};
    LANEWISE_ASSIGN_OR_RETURN(
        const Embeddings embeddings,
        embedder_.embed(texts, loop_.run_options(), loop_.progress(static_cast<int64_t>(before))));
    loop_.count_truncated(
        std::count(embeddings.truncated.begin(), embeddings.truncated.end(), true));
    LANEWISE_ASSIGN_OR_RETURN(const std::optional<QuantizedEmbeddings> quantized,
                              precision_.quantize(embeddings));
    const WrittenEmbeddings written{embeddings, quantized ? &*quantized : nullptr};
    for (const auto& writer : writers_) LANEWISE_RETURN_IF_ERROR(writer->write(texts, written));
    return {};
  }

  std::optional<OutputFile> file_;
  TextLoop loop_;
  Embedder embedder_;
  Writers writers_;
  EmbedPrecision precision_;
  const OnErrorOption& on_error_;
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
  LANEWISE_ASSIGN_OR_RETURN(RecordWriter records,
                            RecordWriter::create(options.json, options.output, options.model,
                                                 options.texts.input(), shell));
  TextLoop loop(std::move(source), records.file(), shell);
  LANEWISE_RETURN_IF_ERROR(loop.write(
      records,
      [&](TextLoop::Texts texts) {
        return embedder.embed(texts, loop.run_options(), loop.progress());
      },
      [&](std::string& line, std::string_view text, const auto& result) {
        line += records.json() ? format.json(text, result) : format.plain(text, result);
      }));
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
  if (options.output.given()) {
    LANEWISE_RETURN_IF_ERROR(check_embed_output(options.output.path()));
    LANEWISE_RETURN_IF_ERROR(options.output.check());
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
  std::optional<OutputFile> file;
  if (options.output.given()) {
    const OutputFile::Header header =
        header_of(options.output.path(), precision.columns(embedder.dimension()), precision.type());
    LANEWISE_ASSIGN_OR_RETURN(file, OutputFile::create(options.output, options.model,
                                                       options.texts.input(), shell, header));
  }
  return Embedding(std::move(source), std::move(embedder), std::move(file), std::move(precision),
                   options, shell)
      .all(model.info());
}

}  // namespace

Command make_embed(CLI::App& program, Shell& shell) {
  CLI::App* command = add_command(program, shell, "embed", "Compute sentence embeddings of texts");
  const auto options = std::make_shared<EmbedOptions>();
  add_model(*command, options->model);
  add_as(*command, options->as);
  options->texts.add_to(*command);
  options->output.add_to(*command,
                         "Write FILE: .npy, a [texts, dimension] array; .jsonl, as --json prints");
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
