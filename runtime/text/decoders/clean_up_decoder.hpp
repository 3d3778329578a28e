#pragma once

#include <string_view>

#include "runtime/text/decoders/decoder.hpp"

namespace lanewise::text {

/// All tokens as one text without the spaces before punctuation and English contractions: what
/// `clean_up_tokenization_spaces` of a tokenizer_config.json asks for. A type of our own.
///
/// What follows may change the end of a text: see kCleanUpMayFollow.
Result<DecoderPtr> read_clean_up_decoder(const base::JsonFields& fields);

/// Where a text ends so, the space in it may go with the next token.
inline constexpr std::string_view kCleanUpMayFollow[] = {" ", " '", " n", " n'", " 'v", " 'r"};

}  // namespace lanewise::text
