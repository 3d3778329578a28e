#pragma once

#include <string_view>

#include "runtime/text/tokenizer.hpp"

namespace lanewise::text {

/// Trims as many code points from the offsets of `token` as `name`, the token in the vocabulary,
/// has blanks at its ends: white space, or the byte-level character for a space.
///
/// text         the text that the offsets refer to
/// keeps_first  a single blank at the start of the text was prepended and is not part of it
/// is_first     the token is the first
void trim_offsets(std::string_view text, std::string_view name, bool keeps_first, bool is_first,
                  Token* token);

}  // namespace lanewise::text
