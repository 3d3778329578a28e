#include "runtime/text/special_template.hpp"

#include <algorithm>
#include <utility>

namespace lanewise::text {
namespace {

using PieceKind = TemplatePiece::Kind;

TemplatePiece first_text() { return {PieceKind::kFirst, 0, {}, {}}; }
TemplatePiece second_text() { return {PieceKind::kSecond, 1, {}, {}}; }

}  // namespace

SpecialTemplate bare_template() { return {{first_text()}, {first_text(), second_text()}}; }

SpecialTemplate bert_template(const std::string& cls, int32_t cls_id, const std::string& sep,
                              int32_t sep_id) {
  const TemplatePiece start{PieceKind::kSpecial, 0, cls, {cls_id}};
  const TemplatePiece end{PieceKind::kSpecial, 0, sep, {sep_id}};
  const TemplatePiece second_end{PieceKind::kSpecial, 1, sep, {sep_id}};
  return {{start, first_text(), end}, {start, first_text(), end, second_text(), second_end}};
}

int64_t special_count(std::span<const TemplatePiece> pieces) noexcept {
  int64_t count = 0;
  for (const TemplatePiece& piece : pieces) count += static_cast<int64_t>(piece.ids.size());
  return count;
}

size_t tokens_before_second(std::span<const TemplatePiece> pieces, size_t first) noexcept {
  size_t count = 0;
  for (const TemplatePiece& piece : pieces) {
    if (piece.kind == PieceKind::kSecond) break;
    count += piece.kind == PieceKind::kFirst ? first : piece.ids.size();
  }
  return count;
}

PairLengths truncate_longest_first(size_t first, size_t second, size_t budget) noexcept {
  if (first + second <= budget) return {first, second};
  const bool swapped = first > second;
  size_t shorter = swapped ? second : first;
  size_t longer = shorter > budget ? shorter : std::max(shorter, budget - shorter);
  if (shorter + longer > budget) {
    shorter = budget / 2;
    longer = shorter + budget % 2;
  }
  return swapped ? PairLengths{longer, shorter} : PairLengths{shorter, longer};
}

std::vector<Token> apply_template(std::span<const TemplatePiece> pieces, bool add_special_tokens,
                                  std::span<const Token> first, std::span<const Token> second,
                                  std::vector<int32_t>* type_ids) {
  std::vector<Token> tokens;
  tokens.reserve(first.size() + second.size() + static_cast<size_t>(special_count(pieces)));
  for (const TemplatePiece& piece : pieces) {
    if (piece.kind == PieceKind::kSpecial) {
      if (!add_special_tokens) continue;
      for (const int32_t id : piece.ids) tokens.push_back({id, 0, 0, TokenRole::kSpecial});
    } else {
      const auto& text = piece.kind == PieceKind::kFirst ? first : second;
      tokens.insert(tokens.end(), text.begin(), text.end());
    }
    if (type_ids) type_ids->resize(tokens.size(), piece.type_id);
  }
  return tokens;
}

}  // namespace lanewise::text
