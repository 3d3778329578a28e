#include "runtime/text/models/longest_pieces.hpp"

#include <algorithm>

namespace lanewise::text {

Status LongestPieces::build(const WordPieceModel& model) {
  for (const auto& [token, id] : model.vocabulary) {
    if (!vocabulary_.insert(token, id)) return resource_exhausted("the vocabulary is too large");
  }
  unk_id_ = vocabulary_.find(model.unk_token);
  if (unk_id_ == ByteTrie::kNone) {
    return data_loss("unk_token '" + model.unk_token + "' is not in the vocabulary");
  }
  continuing_ = vocabulary_.walk(model.continuing_subword_prefix);
  max_code_points_ = model.max_input_chars_per_word;
  return {};
}

bool LongestPieces::too_long(std::string_view word) const noexcept {
  if (word.size() <= static_cast<size_t>(max_code_points_)) return false;
  const auto starts = std::count_if(
      word.begin(), word.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; });
  return starts > max_code_points_;
}

}  // namespace lanewise::text
