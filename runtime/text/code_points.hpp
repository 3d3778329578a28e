#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lanewise::text {

/// How BERT's normaliser and pre-tokenizer class a code point: bits, of which several may be set.
enum CodePointClass : uint8_t {
  kRemoved = 1,      ///< Control, format, private use, U+0000, U+FFFD: dropped by clean_text.
  kSpace = 2,        ///< Unicode's White_Space.
  kNonspacing = 4,   ///< A nonspacing mark: dropped by strip_accents.
  kPunctuation = 8,  ///< A word of its own: category P and the ASCII symbols.
  kReordered = 16,   ///< Its canonical combining class is not 0.
  kMark = 32,        ///< Any mark: dropped by StripAccents.
  kNumeric = 64,     ///< A digit or another number, of Unicode 17.
};

/// The classes as Hugging Face has them, whatever version of Unicode utf8proc knows: a table, so
/// that a text has the same ids on every machine. Code points younger than Unicode 8 have none.
uint8_t code_point_class(char32_t code_point) noexcept;

/// Its place in the canonical ordering of marks; 0 for what is not kReordered.
int combining_class(char32_t code_point) noexcept;

/// A code point in at most this many others: the longest canonical decomposition is 4.
inline constexpr int kMaxDecomposition = 4;

/// Writes the full canonical decomposition (NFD), Hangul included, and returns its length >= 1.
int decompose(char32_t code_point, char32_t out[kMaxDecomposition]) noexcept;

/// The longest compatibility decomposition is 18.
inline constexpr int kMaxCompatibleDecomposition = 18;

/// As decompose(), with compatibility decompositions too (NFKD).
int decompose_compatible(char32_t code_point, char32_t out[kMaxCompatibleDecomposition]) noexcept;

/// The canonical composite of two code points (NFC), or 0 if there is none.
char32_t compose(char32_t first, char32_t second) noexcept;

/// The byte behind the extended grapheme cluster that begins at byte `begin` of `text`, which is
/// UTF-8.
size_t grapheme_end(std::string_view text, size_t begin) noexcept;

/// Writes the lowercase of a code point without regard to its neighbours (so a final sigma is as
/// any sigma) and returns its length: 1, or 2 for U+0130.
int lowercase(char32_t code_point, char32_t out[2]) noexcept;

/// BERT's "Chinese characters": CJK ideographs, not kana or Hangul.
bool is_ideograph(char32_t code_point) noexcept;

/// \w of a Unicode regular expression: what a `single_word` added token may not touch.
bool is_word_character(char32_t code_point) noexcept;

/// The number that UnicodeScripts gives a code point's script; 0 if it has none. As
/// code_point_class() a table of what Hugging Face has.
int script_of(char32_t code_point) noexcept;

}  // namespace lanewise::text
