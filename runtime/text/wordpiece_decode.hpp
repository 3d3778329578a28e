#pragma once

#include <span>
#include <string>
#include <string_view>

#include "runtime/text/wordpiece.hpp"

namespace lanewise::text {

/// No space before punctuation and English contractions, within one token and the space before it.
void clean_up_token(std::string* piece);

/// What becomes of one token, with the space before it.
std::string wordpiece_text(std::string_view token, bool first, const WordPieceDecoder& decoder);

/// Joins tokens to text: continuing pieces to the piece before, other tokens after a space.
///
/// Equal to the WordPiece decoder of Hugging Face's `tokenizers`, whose clean-up looks at one token
/// and the space before it at a time.
std::string decode_wordpiece(std::span<const std::string_view> tokens,
                             const WordPieceDecoder& decoder);

}  // namespace lanewise::text
