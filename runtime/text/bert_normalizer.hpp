#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lanewise::text {

/// Bytes [begin, end) of the text that the caller gave.
struct Span {
  int32_t begin;
  int32_t end;
};

/// A text after normalisation, and where each of its bytes comes from.
struct NormalizedText {
  std::string bytes;        ///< UTF-8
  std::vector<Span> spans;  ///< One a byte: the original code point; the same for all bytes of one.

  void clear();
  void append(char32_t code_point, Span span);
};

/// The settings of BertNormalizer in a tokenizer.json.
struct BertNormalizerOptions {
  bool clean_text = true;
  bool handle_chinese_chars = true;
  bool strip_accents = true;  ///< Already resolved: null in the file means "as lowercase".
  bool lowercase = true;
};

/// Appends to `out` the normal form of `text`, whose first byte is byte `offset` of the caller's.
///
/// In this order: drop control characters and make every white space ' '; put spaces around CJK
/// ideographs; decompose canonically, order the marks and drop the nonspacing ones; lowercase each
/// code point alone. Spans are those of Hugging Face, even where ordering moves a mark.
///
/// text  UTF-8. Ends where no mark follows, else its marks cannot be ordered with the ones after.
/// Linear but for ordering a run of n marks: n log n. Thread-safe.
void normalize_bert(std::string_view text, int32_t offset, const BertNormalizerOptions& options,
                    NormalizedText* out);

}  // namespace lanewise::text
