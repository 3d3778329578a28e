#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lanewise::text {

/// How BERT's normaliser and pre-tokenizer classify a code point. Several bits may be set.
enum CodePointClass : uint8_t {
  kRemoved = 1,      ///< Control, format, private use, U+0000, U+FFFD: dropped by clean_text.
  kSpace = 2,        ///< Unicode's White_Space.
  kNonspacing = 4,   ///< A nonspacing mark: dropped by strip_accents.
  kPunctuation = 8,  ///< Always a word of its own: category P and the ASCII symbols.
  kReordered = 16,   ///< Its canonical combining class is not 0.
  kMark = 32,        ///< Any mark: dropped by StripAccents.
  kNumeric = 64,     ///< A digit or another number, of Unicode 17.
};

/// The classes that Hugging Face uses, whatever Unicode version utf8proc has: a table, so that a
/// text has the same ids on every machine. Code points added after Unicode 8 have no class.
uint8_t code_point_class(char32_t code_point) noexcept;

/// Canonical combining class; 0 unless kReordered.
int combining_class(char32_t code_point) noexcept;

/// The longest canonical decomposition has 4 code points.
inline constexpr int kMaxDecomposition = 4;

/// Writes the full canonical decomposition (NFD), Hangul included, and returns its length >= 1.
int decompose(char32_t code_point, char32_t out[kMaxDecomposition]) noexcept;

/// The longest compatibility decomposition has 18 code points.
inline constexpr int kMaxCompatibleDecomposition = 18;

/// As decompose(), but also applies compatibility decompositions (NFKD).
int decompose_compatible(char32_t code_point, char32_t out[kMaxCompatibleDecomposition]) noexcept;

/// The canonical composite of two code points (NFC), or 0 if there is none.
char32_t compose(char32_t first, char32_t second) noexcept;

/// The end of the extended grapheme cluster that begins at byte `begin` of `text`, which is UTF-8.
size_t grapheme_end(std::string_view text, size_t begin) noexcept;

/// Writes the lowercase of a code point regardless of its neighbours (a final sigma is treated as
/// any sigma) and returns its length: 1, or 2 for U+0130.
int lowercase(char32_t code_point, char32_t out[2]) noexcept;

/// BERT's "Chinese characters": CJK ideographs, not kana or Hangul.
bool is_ideograph(char32_t code_point) noexcept;

/// \w of a Unicode regular expression: must not touch a `single_word` added token.
bool is_word_character(char32_t code_point) noexcept;

/// The number that UnicodeScripts assigns to a code point's script; 0 if it has none. Like
/// code_point_class(), a table of Hugging Face's values.
int script_of(char32_t code_point) noexcept;

}  // namespace lanewise::text
