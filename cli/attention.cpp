#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "cli/attention_page.hpp"
#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/lines.hpp"
#include "cli/open_model.hpp"
#include "lanewise/attention.hpp"
#include "lanewise/files.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

struct AttentionOptions {
  std::string model;
  std::string text;
  std::optional<std::string> target;
  std::string output;
};

/// TEXT, or the only line of stdin.
Result<std::string> read_text(const std::string& text) {
  if (text != "-") return text;
  LANEWISE_ASSIGN_OR_RETURN(LineReader reader, LineReader::open("-"));
  std::string line;
  for (int64_t lines = 0;;) {
    LANEWISE_ASSIGN_OR_RETURN(const auto portion, reader.next(2, size_t{1} << 20));
    if (portion.empty()) return line;
    lines += static_cast<int64_t>(portion.size());
    if (lines > 1) return invalid_argument("standard input: expected one line, found more");
    line = portion.front();
  }
}

/// The last part of a path: the page may be shared, and the rest of the path is private.
std::string last_part(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return std::string(path.substr(path.rfind('/') + 1));
}

Status write_file(const std::string& path, const std::string& page) {
  LANEWISE_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  LANEWISE_RETURN_IF_ERROR(file.write(page));
  return file.commit();
}

Status show_attention(const AttentionOptions& options, Shell& shell) {
  catch_interrupts();
  const bool to_stdout = options.output == "-";
  if (!to_stdout) LANEWISE_RETURN_IF_ERROR(check_writable(options.output));
  LANEWISE_ASSIGN_OR_RETURN(const std::string text, read_text(options.text));
  LANEWISE_ASSIGN_OR_RETURN(const Model model, open_model(options.model, shell));
  RunOptions run_options;
  run_options.cancel = &interrupted();
  LANEWISE_ASSIGN_OR_RETURN(
      const TextAttention attention,
      attention_of_text(model, text, options.target, shell.session_options(), run_options));
  const std::string page = attention_page(attention, last_part(options.model), text);
  return to_stdout ? shell.out.write(page) : write_file(options.output, page);
}

}  // namespace

Command make_attention(CLI::App& program, Shell& shell) {
  CLI::App* command =
      add_command(program, shell, "attention", "Draw a model's attention weights for a text");
  const auto options = std::make_shared<AttentionOptions>();
  add_model(*command, options->model);
  command->add_option("TEXT", options->text, "The text; `-` reads one line from stdin")
      ->required()
      ->type_name("");
  command->add_option("--output", options->output, "The page to write; `-` is stdout")
      ->required()
      ->type_name("FILE.html");
  command
      ->add_option("--target", options->target,
                   "The output of an encoder-decoder; default: the result of greedy search")
      ->type_name("TEXT");
  command->footer(fmt::format(
      "Writes one self-contained page: the weights of every layer and head, as pictures\n"
      "and numbers (within 8e-6). For texts of up to {} tokens, which are never truncated.\n\n"
      "  lanewise attention minilm.lw \"The cat sat on the mat.\" --output attention.html",
      kMostAttentionTokens));
  return {command, [options, &shell] { return show_attention(*options, shell); }};
}

}  // namespace lanewise::cli
