#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/command.hpp"
#include "cli/embed_writers.hpp"
#include "cli/interrupt.hpp"
#include "cli/open_model.hpp"
#include "cli/progress.hpp"
#include "cli/texts.hpp"
#include "lanewise/embedder.hpp"
#include "ops/status_macros.hpp"

namespace lanewise::cli {
namespace {

struct EmbedOptions {
  std::string model;
  std::string as;
  TextOptions texts;
  std::string output;
  std::string prompt;
  bool json = false;
};

using Writers = std::vector<std::unique_ptr<EmbedWriter>>;

Result<Writers> make_writers(const EmbedOptions& options, Shell& shell, int64_t dimension) {
  Writers writers;
  if (options.json) writers.push_back(make_json_writer(shell.out));
  if (!options.output.empty()) {
    LW_ASSIGN_OR_RETURN(writers.emplace_back(), make_file_writer(options.output, dimension));
  }
  if (writers.empty()) writers.push_back(make_plain_writer(shell.out));
  return writers;
}

/// Embeds all that `source` has, and returns how many texts were cut.
Result<int64_t> embed_all(TextSource& source, Embedder& embedder, const Writers& writers,
                          const Shell& shell) {
  Progress progress(shell);
  RunOptions run_options;
  run_options.cancel = &interrupted();
  int64_t cut = 0;
  while (true) {
    LW_ASSIGN_OR_RETURN(const auto texts, source.next());
    if (texts.empty()) return cut;
    LW_ASSIGN_OR_RETURN(const Embeddings embeddings,
                        embedder.embed(texts, run_options, [&](int64_t done) {
                          progress.update(source.texts_before() + done, source.part_read());
                        }));
    cut += std::count(embeddings.truncated.begin(), embeddings.truncated.end(), true);
    for (const auto& writer : writers) LW_RETURN_IF_ERROR(writer->write(texts, embeddings));
  }
}

Status embed(const EmbedOptions& options, Shell& shell) {
  options.texts.check_usage();
  catch_interrupts();
  if (!options.output.empty()) {
    LW_RETURN_IF_ERROR(check_embed_output(options.output));
    LW_RETURN_IF_ERROR(check_writable(options.output));
  }
  LW_ASSIGN_OR_RETURN(TextSource source, TextSource::open(options.texts));
  LW_ASSIGN_OR_RETURN(const Model model, open_model(options.model, shell, options.as));
  LW_ASSIGN_OR_RETURN(Embedder embedder, Embedder::create(model, shell.session_options()));
  if (!options.prompt.empty()) LW_RETURN_IF_ERROR(embedder.set_prompt(options.prompt));
  LW_ASSIGN_OR_RETURN(const Writers writers, make_writers(options, shell, embedder.dimension()));
  LW_ASSIGN_OR_RETURN(const int64_t cut, embed_all(source, embedder, writers, shell));
  for (const auto& writer : writers) LW_RETURN_IF_ERROR(writer->commit());
  if (cut > 0) {
    shell.note(fmt::format("{} {} longer than {} tokens and {} cut", cut,
                           cut == 1 ? "text was" : "texts were", model.info().max_text_tokens,
                           cut == 1 ? "was" : "were"));
  }
  return {};
}

}  // namespace

Command make_embed(CLI::App& program, Shell& shell) {
  CLI::App* command = add_command(program, shell, "embed", "Turn texts into vectors");
  const auto options = std::make_shared<EmbedOptions>();
  add_model(*command, options->model);
  add_as(*command, options->as);
  options->texts.add_to(*command);
  command
      ->add_option("--output", options->output,
                   "Write FILE: .npy, a [texts, dimension] array of f32; .jsonl, as --json prints")
      ->type_name("FILE");
  command
      ->add_option("--prompt", options->prompt,
                   "Put the model's prompt NAME before each text; default: the one that the model "
                   "names")
      ->type_name("NAME");
  command->add_flag("--json", options->json,
                    "Print an object a line: text, embedding, tokens, truncated");
  command->footer(
      "Without --json and --output each line is the text, a tab, and the numbers between spaces.\n"
      "A line of the input ends with \\n or \\r\\n; an empty line is a text. Without TEXT and "
      "--input\n"
      "lines come from stdin.\n\n"
      "  lanewise embed minilm.lw \"a sentence\" \"한국어 문장\"\n"
      "  lanewise embed minilm.lw --input texts.txt --output vectors.npy");
  return {command, [options, &shell] { return embed(*options, shell); }};
}

}  // namespace lanewise::cli
