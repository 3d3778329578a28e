#pragma once

#include <span>
#include <string>
#include <string_view>

#include "runtime/text/wordpiece.hpp"

namespace lanewise::text {

/// Joins tokens to text: continuing pieces to the piece before, other tokens after a space.
///
/// Equal to the WordPiece decoder of Hugging Face's `tokenizers`, whose clean-up looks at one token
/// and the space before it at a time.
std::string decode_wordpiece(std::span<const std::string_view> tokens,
                             const WordPieceDecoder& decoder);

}  // namespace lanewise::text
