#include "runtime/tasks/source_language.hpp"

#include "base/status_macros.hpp"
#include "runtime/tasks/language_token.hpp"

namespace lanewise::tasks {
namespace {

/// Tokens around a text have no offsets in it.
bool is_around(const text::Token& token) { return token.begin == 0 && token.end == 0; }

}  // namespace

Result<SourceLanguage> source_language(const text::Tokenizer& tokenizer, std::string_view name) {
  LW_ASSIGN_OR_RETURN(const int32_t wanted, language_token(tokenizer, name));
  LW_ASSIGN_OR_RETURN(const text::Encoding around, tokenizer.encode("", {}));
  for (const text::Token& token : around.tokens) {
    LW_ASSIGN_OR_RETURN(const bool language, is_language(tokenizer, token.id));
    if (language) return SourceLanguage{token.id, wanted};
  }
  return invalid_argument(
      "the model takes the language of its output, but not that of a source text");
}

void change_language(const SourceLanguage& language, text::Encoding& encoding) {
  for (text::Token& token : encoding.tokens) {
    if (is_around(token) && token.id == language.usual) token.id = language.wanted;
  }
}

Result<text::Encoding> encode_source(const text::Tokenizer& tokenizer, std::string_view text,
                                     const std::optional<SourceLanguage>& language,
                                     int64_t max_length) {
  LW_ASSIGN_OR_RETURN(text::Encoding encoding, tokenizer.encode(text, {.max_length = max_length}));
  if (language) change_language(*language, encoding);
  return encoding;
}

}  // namespace lanewise::tasks
