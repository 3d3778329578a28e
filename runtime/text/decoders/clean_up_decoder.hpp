#pragma once

#include <string_view>

#include "runtime/text/decoders/decoder.hpp"

namespace lanewise::text {

/// Joins all tokens and removes the spaces before punctuation and English contractions, as
/// `clean_up_tokenization_spaces` of a tokenizer_config.json requests. Our own type.
///
/// The next token may change the end of a text: see kCleanUpMayFollow.
Result<DecoderPtr> read_clean_up_decoder(const base::JsonFields& fields);

/// If a text ends with one of these, the next token may remove its space.
inline constexpr std::string_view kCleanUpMayFollow[] = {" ", " '", " n", " n'", " 'v", " 'r"};

}  // namespace lanewise::text
