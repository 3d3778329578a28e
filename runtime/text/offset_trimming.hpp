#pragma once

#include <string_view>

#include "runtime/text/tokenizer.hpp"

namespace lanewise::text {

/// Takes as many code points off the offsets of `token` as `name`, its text as the model has it,
/// has blanks at its ends: white space, or the character that stands for a space at byte level.
///
/// text         what the offsets count in
/// keeps_first  a single blank at the start of the text was put there and is no part of it
/// is_first     no token comes before
void trim_offsets(std::string_view text, std::string_view name, bool keeps_first, bool is_first,
                  Token* token);

}  // namespace lanewise::text
