#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "lanewise/status.hpp"

namespace lanewise::text {

/// A code point and the number of bytes that it takes in UTF-8.
struct CodePoint {
  char32_t value;
  int length;
};

/// The number of bytes before the first that is not part of well-formed UTF-8; text.size() if all
/// is.
///
/// Well-formed as Unicode defines it (table 3-7): no overlong form, no surrogate, nothing above
/// U+10FFFF. Linear, and eight bytes at a time over ASCII.
size_t valid_utf8_prefix(std::string_view text) noexcept;

/// kInvalidArgument naming the first byte position that is not UTF-8.
Status check_utf8(std::string_view text);

/// The code point that starts at byte `i` of `text`. `text` is UTF-8 and `i` starts a code point.
CodePoint decode_at(std::string_view text, size_t i) noexcept;

/// The byte position of the code point that ends before byte `i`. `text` is UTF-8 and i > 0.
size_t previous_code_point(std::string_view text, size_t i) noexcept;

/// `bytes` with `replacement`, U+FFFD, in the place of what is no UTF-8: one for each longest
/// beginning of a code point, one for each other byte, as Unicode recommends and Rust does.
std::string replace_malformed(std::string_view bytes,
                              std::string_view replacement = "\xEF\xBF\xBD");

/// Appends `code_point` in UTF-8 and returns the number of bytes. It is a Unicode scalar value.
int append_utf8(char32_t code_point, std::string* out);

}  // namespace lanewise::text
