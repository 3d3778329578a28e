#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "lanewise/status.hpp"
#include "runtime/text/tokenizer.hpp"

namespace lanewise::tasks {

/// A source language other than the tokenizer's own.
struct SourceLanguage {
  int32_t usual;   ///< the token that the tokenizer adds to a text
  int32_t wanted;  ///< its replacement
};

/// The change from the tokenizer's own language to `name`, looked up as in language_token().
///
/// Fails with kInvalidArgument if the tokenizer adds no language token to texts, if it has no
/// languages, or not this one.
Result<SourceLanguage> source_language(const text::Tokenizer& tokenizer, std::string_view name);

/// Replaces the usual language token by the wanted one around a text. A language token within the
/// text stays.
void change_language(const SourceLanguage& language, text::Encoding& encoding);

/// tokenizer.encode(text) with the language changed. A language token within the text stays.
///
/// max_length  as in EncodeOptions; 0: no limit
Result<text::Encoding> encode_source(const text::Tokenizer& tokenizer, std::string_view text,
                                     const std::optional<SourceLanguage>& language,
                                     int64_t max_length = 0);

}  // namespace lanewise::tasks
