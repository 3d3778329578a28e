#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/text/tokenizer.hpp"

namespace lanewise::text {

/// One element of a template: a special token, or the place of a text.
struct TemplatePiece {
  enum class Kind { kSpecial, kFirst, kSecond };
  Kind kind = Kind::kSpecial;
  int32_t type_id = 0;
  std::string name;          ///< Of a special token, as named in tokenizer.json.
  std::vector<int32_t> ids;  ///< Of a special token; nearly always one.
};

/// The special tokens around one text, and around two.
struct SpecialTemplate {
  std::vector<TemplatePiece> single;  ///< kFirst once
  std::vector<TemplatePiece> pair;    ///< kFirst once and kSecond once
};

/// Only the texts; the second has type id 1.
SpecialTemplate bare_template();

/// [CLS] first [SEP], and [CLS] first [SEP] second [SEP] with type id 1 from the second text on.
SpecialTemplate bert_template(const std::string& cls, int32_t cls_id, const std::string& sep,
                              int32_t sep_id);

/// The number of special tokens that `pieces` adds.
int64_t special_count(std::span<const TemplatePiece> pieces) noexcept;

/// The number of tokens before the second text, if the first one has `first` tokens.
size_t tokens_before_second(std::span<const TemplatePiece> pieces, size_t first) noexcept;

/// The number of tokens that two texts of `first` and `second` tokens keep within `budget`.
///
/// Hugging Face's "longest_first" in closed form: the longer text is truncated until both are
/// equal, then both share the budget, and an odd token goes to the one that was not shorter.
struct PairLengths {
  size_t first;
  size_t second;
};
PairLengths truncate_longest_first(size_t first, size_t second, size_t budget) noexcept;

/// The tokens of the texts placed in the template; without `add_special_tokens` only the texts.
/// Appends a type id for each token unless `type_ids` is null.
std::vector<Token> apply_template(std::span<const TemplatePiece> pieces, bool add_special_tokens,
                                  std::span<const Token> first, std::span<const Token> second,
                                  std::vector<int32_t>* type_ids);

}  // namespace lanewise::text
