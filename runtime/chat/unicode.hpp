#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lanewise::chat {

// What Python's str does with Unicode text. All texts are UTF-8.

/// The length in bytes of the white space (str.isspace) that starts at byte `at`, 0 if none does.
size_t space_at(std::string_view text, size_t at) noexcept;
/// The same of the white space that ends before byte `end`.
size_t space_before(std::string_view text, size_t end) noexcept;

enum class Sides { kLeft, kRight, kBoth };
/// str.strip, lstrip or rstrip: without the code points of `chars` at these sides, or without white
/// space.
std::string_view strip(std::string_view text, Sides sides,
                       std::optional<std::string_view> chars = std::nullopt) noexcept;

/// The number of code points.
size_t length(std::string_view text) noexcept;
/// The byte where code point `index` starts; the end of the text if there are not so many.
size_t byte_of(std::string_view text, size_t index) noexcept;

std::string upper(std::string_view text);
std::string lower(std::string_view text);
std::string capitalize(std::string_view text);
/// str.title: each run of letters.
std::string title(std::string_view text);
/// Jinja's filter `title`: after white space and -({[< begins a word.
std::string title_words(std::string_view text);

/// Whether repr() shows the code point itself.
bool is_printable(char32_t code_point) noexcept;

/// The first line of `text` as str.splitlines has it, and the length of its end: 0 if it has none.
std::pair<std::string_view, size_t> first_line(std::string_view text) noexcept;

}  // namespace lanewise::chat
