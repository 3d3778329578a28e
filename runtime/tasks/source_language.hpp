#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "lanewise/status.hpp"
#include "runtime/text/tokenizer.hpp"

namespace lanewise::tasks {

/// Another language of sources than the tokenizer's own.
struct SourceLanguage {
  int32_t usual;   ///< the token that the tokenizer puts around a text
  int32_t wanted;  ///< what belongs in its place
};

/// The change from the tokenizer's own language to `name`, which is found as language_token() does.
///
/// Fails with kInvalidArgument if the tokenizer puts no token of a language around texts, if it has
/// no languages, or not this one.
Result<SourceLanguage> source_language(const text::Tokenizer& tokenizer, std::string_view name);

/// Puts the wanted language in place of the usual one, in the tokens around a text. A language's
/// token within the text stays.
void change_language(const SourceLanguage& language, text::Encoding& encoding);

/// tokenizer.encode(text) with the language changed. A language's token within the text stays.
///
/// max_length  as EncodeOptions has it; 0: no limit
Result<text::Encoding> encode_source(const text::Tokenizer& tokenizer, std::string_view text,
                                     const std::optional<SourceLanguage>& language,
                                     int64_t max_length = 0);

}  // namespace lanewise::tasks
