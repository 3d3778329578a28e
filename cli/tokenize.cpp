#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/json_text.hpp"
#include "cli/open_model.hpp"
#include "cli/source_language.hpp"
#include "cli/texts.hpp"
#include "lanewise/status_macros.hpp"
#include "lanewise/tokenizer.hpp"

namespace lanewise::cli {
namespace {

struct TokenizeOptions {
  std::string model;
  std::string as;
  TextOptions texts;
  SourceLanguageOption source_language;
  bool json = false;
};

/// `[a, b, ...]` of what `append(json, element)` appends for each element.
template <typename Element, typename Append>
void append_array(std::string& json, const std::vector<Element>& elements, Append&& append) {
  json += '[';
  for (size_t i = 0; i < elements.size(); ++i) {
    if (i > 0) json += ", ";
    append(json, elements[i]);
  }
  json += ']';
}

std::string to_json(std::string_view text, const Encoding& encoding, const Tokenizer& tokenizer) {
  std::string json = "{\"text\": ";
  append_json_string(json, text);
  json += ", \"ids\": ";
  append_array(json, encoding.ids, [](std::string& out, int32_t id) { out += std::to_string(id); });
  json += ", \"tokens\": ";
  append_array(json, encoding.ids,
               [&](std::string& out, int32_t id) { append_json_string(out, tokenizer.token(id)); });
  json += ", \"offsets\": ";
  append_array(json, encoding.offsets, [](std::string& out, const ByteRange& range) {
    out += fmt::format("[{}, {}]", range.begin, range.end);
  });
  return json + "}";
}

std::string to_plain(const Encoding& encoding, const Tokenizer& tokenizer) {
  std::string line;
  for (const int32_t id : encoding.ids) {
    if (!line.empty()) line += ' ';
    line += fmt::format("{}:{}", tokenizer.token(id), id);
  }
  return line;
}

Status print_all(TextSource& source, const Tokenizer& tokenizer, bool json, Output& out) {
  while (true) {
    LANEWISE_ASSIGN_OR_RETURN(const auto texts, source.next());
    if (texts.empty()) return {};
    for (size_t i = 0; i < texts.size(); ++i) {
      if (interrupted()) return cancelled("interrupted");
      const auto encoding = tokenizer.encode(texts[i]);
      if (!encoding.ok()) return encoding.status().with_context(source.where(i));
      LANEWISE_RETURN_IF_ERROR(out.line(json ? to_json(texts[i], *encoding, tokenizer)
                                             : to_plain(*encoding, tokenizer)));
    }
    LANEWISE_RETURN_IF_ERROR(out.flush());
  }
}

Status tokenize(const TokenizeOptions& options, Shell& shell) {
  options.texts.check_usage();
  catch_interrupts();
  LANEWISE_ASSIGN_OR_RETURN(TextSource source, TextSource::open(options.texts));
  LANEWISE_ASSIGN_OR_RETURN(const Model model, open_model(options.model, shell, options.as));
  LANEWISE_ASSIGN_OR_RETURN(const Tokenizer own, Tokenizer::of(model));
  LANEWISE_ASSIGN_OR_RETURN(const Tokenizer tokenizer, options.source_language.apply(own));
  return print_all(source, tokenizer, options.json, shell.out);
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
