#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "base/status_macros.hpp"
#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/json_text.hpp"
#include "cli/open_model.hpp"
#include "cli/source_language.hpp"
#include "cli/texts.hpp"
#include "runtime/model_data.hpp"
#include "runtime/tasks/source_language.hpp"
#include "runtime/text/tokenizer.hpp"

namespace lanewise::cli {
namespace {

struct TokenizeOptions {
  std::string model;
  std::string as;
  TextOptions texts;
  SourceLanguageOption source_language;
  bool json = false;
};

/// `[a, b, ...]` of what `append(json, token)` appends for each token.
template <typename Append>
void append_array(std::string& json, const text::Encoding& encoding, Append&& append) {
  json += '[';
  for (size_t i = 0; i < encoding.tokens.size(); ++i) {
    if (i > 0) json += ", ";
    append(json, encoding.tokens[i]);
  }
  json += ']';
}

std::string to_json(std::string_view text, const text::Encoding& encoding,
                    const text::Tokenizer& tokenizer) {
  std::string json = "{\"text\": ";
  append_json_string(json, text);
  json += ", \"ids\": ";
  append_array(json, encoding,
               [](std::string& out, const text::Token& token) { out += std::to_string(token.id); });
  json += ", \"tokens\": ";
  append_array(json, encoding, [&](std::string& out, const text::Token& token) {
    append_json_string(out, tokenizer.token(token.id));
  });
  json += ", \"offsets\": ";
  append_array(json, encoding, [](std::string& out, const text::Token& token) {
    out += fmt::format("[{}, {}]", token.begin, token.end);
  });
  return json + "}";
}

std::string to_plain(const text::Encoding& encoding, const text::Tokenizer& tokenizer) {
  std::string line;
  for (const text::Token& token : encoding.tokens) {
    if (!line.empty()) line += ' ';
    line += fmt::format("{}:{}", tokenizer.token(token.id), token.id);
  }
  return line;
}

Status print_all(TextSource& source, const text::Tokenizer& tokenizer,
                 const std::optional<tasks::SourceLanguage>& language, bool json, Output& out) {
  while (true) {
    LW_ASSIGN_OR_RETURN(const auto texts, source.next());
    if (texts.empty()) return {};
    for (size_t i = 0; i < texts.size(); ++i) {
      if (interrupted()) return cancelled("interrupted");
      const auto encoding = tasks::encode_source(tokenizer, texts[i], language);
      if (!encoding.ok()) return encoding.status().with_context(source.where(i));
      LW_RETURN_IF_ERROR(out.line(json ? to_json(texts[i], *encoding, tokenizer)
                                       : to_plain(*encoding, tokenizer)));
    }
    LW_RETURN_IF_ERROR(out.flush());
  }
}

Status tokenize(const TokenizeOptions& options, Shell& shell) {
  options.texts.check_usage();
  catch_interrupts();
  LW_ASSIGN_OR_RETURN(TextSource source, TextSource::open(options.texts));
  LW_ASSIGN_OR_RETURN(const Model model, open_model(options.model, shell, options.as));
  LW_ASSIGN_OR_RETURN(const text::Tokenizer* tokenizer, model.data().open_tokenizer());
  if (tokenizer == nullptr) return unsupported("the model has no tokenizer");
  LW_ASSIGN_OR_RETURN(const auto language, options.source_language.look_up(*tokenizer));
  return print_all(source, *tokenizer, language, options.json, shell.out);
}

}  // namespace

Command make_tokenize(CLI::App& program, Shell& shell) {
  CLI::App* command = add_command(program, shell, "tokenize", "Show the tokens of texts");
  const auto options = std::make_shared<TokenizeOptions>();
  add_model(*command, options->model);
  add_as(*command, options->as);
  options->texts.add_to(*command);
  options->source_language.add_to(*command);
  command->add_flag("--json", options->json,
                    "Print one object per line: text, ids, tokens, offsets (in bytes)");
  command->footer(
      "Special tokens are added; texts are neither truncated nor padded. Without --json each line\n"
      "is `token:id token:id ...`. Without TEXT and --input lines come from stdin.\n\n"
      "  lanewise tokenize minilm.lw \"unbelievable\"");
  return {command, [options, &shell] { return tokenize(*options, shell); }};
}

}  // namespace lanewise::cli
