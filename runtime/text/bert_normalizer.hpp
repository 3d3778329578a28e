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

/// Reads the BertNormalizer of a tokenizer.json. kDataLoss for fields of the wrong type.
Result<BertNormalizerOptions> bert_normalizer_from_json(const base::JsonFields& fields);
base::JsonTree bert_normalizer_to_json(const BertNormalizerOptions& options);

/// Appends to `out` the normal form of `text`, whose first byte is byte `offset` of the caller's.
///
/// In this order: drop control characters and make every white space ' '; put spaces around CJK
/// ideographs; decompose canonically, order the marks and drop the nonspacing ones; lowercase each
/// code point alone. Spans equal Hugging Face's, even where ordering moves a mark.
///
/// text  UTF-8. Must not end before a mark, which could not be ordered with the marks before it.
/// Linear, except n log n to order a run of n marks. Thread-safe.
void normalize_bert(std::string_view text, int32_t offset, const BertNormalizerOptions& options,
                    NormalizedText* out);

}  // namespace lanewise::text
