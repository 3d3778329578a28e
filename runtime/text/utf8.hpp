#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lanewise/status.hpp"

namespace lanewise::text {

/// A code point and its length in UTF-8.
struct CodePoint {
  char32_t value;
  int length;
};

/// The length of the well-formed prefix of `text`; text.size() if all of it is.
///
/// Well-formed as Unicode defines it (table 3-7): no overlong form, no surrogate, nothing above
/// U+10FFFF. Linear, eight bytes at a time over ASCII.
size_t valid_utf8_prefix(std::string_view text) noexcept;

/// kInvalidArgument with the position of the first byte that is not UTF-8.
Status check_utf8(std::string_view text);

/// The code point at byte `i` of `text`. `text` is UTF-8 and `i` starts a code point.
CodePoint decode_at(std::string_view text, size_t i) noexcept;

/// The start of the code point that ends before byte `i`. `text` is UTF-8 and i > 0.
size_t previous_code_point(std::string_view text, size_t i) noexcept;

/// Of `text`, which need not be UTF-8.
int64_t count_code_points(std::string_view text) noexcept;

/// The first `count` code points of `text`, which need not be UTF-8.
std::string_view first_code_points(std::string_view text, int64_t count) noexcept;

/// `bytes` with malformed UTF-8 replaced by `replacement`, U+FFFD: one for each longest prefix of a
/// code point and one for each other byte, as Unicode recommends and Rust does.
std::string replace_malformed(std::string_view bytes,
                              std::string_view replacement = "\xEF\xBF\xBD");

/// Appends `code_point`, a Unicode scalar value, in UTF-8 and returns the number of bytes.
int append_utf8(char32_t code_point, std::string* out);

}  // namespace lanewise::text
