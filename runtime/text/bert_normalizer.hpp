#pragma once

#include <cstdint>
#include <string_view>

#include "base/json_fields.hpp"
#include "base/json_tree.hpp"
#include "lanewise/status.hpp"
#include "runtime/text/normalized_text.hpp"

namespace lanewise::text {

/// The settings of BertNormalizer in a tokenizer.json.
struct BertNormalizerOptions {
  bool clean_text = true;
  bool handle_chinese_chars = true;
  bool strip_accents = true;  ///< Already resolved: null in the file means "as lowercase".
  bool lowercase = true;
};

/// The BertNormalizer of a tokenizer.json. kDataLoss for fields of the wrong type.
Result<BertNormalizerOptions> bert_normalizer_from_json(const base::JsonFields& fields);
base::JsonTree bert_normalizer_to_json(const BertNormalizerOptions& options);

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
