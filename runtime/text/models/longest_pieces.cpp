#include "runtime/text/models/longest_pieces.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/status_macros.hpp"
#include "runtime/text/tokenizer_json.hpp"

namespace lanewise::text {

Result<WordPieceModel> wordpiece_model_from_json(const base::JsonFields& model) {
  WordPieceModel result;
  LW_ASSIGN_OR_RETURN(result.vocabulary, read_vocabulary_object(model));
  LW_ASSIGN_OR_RETURN(result.unk_token, model.string_or("unk_token", result.unk_token));
  LW_ASSIGN_OR_RETURN(
      result.continuing_subword_prefix,
      model.string_or("continuing_subword_prefix", result.continuing_subword_prefix));
  LW_ASSIGN_OR_RETURN(result.max_input_chars_per_word,
                      model.count_or("max_input_chars_per_word", 100));
  return result;
}

nlohmann::json wordpiece_model_to_json(const WordPieceModel& model) {
  return {{"type", "WordPiece"},
          {"unk_token", model.unk_token},
          {"continuing_subword_prefix", model.continuing_subword_prefix},
          {"max_input_chars_per_word", model.max_input_chars_per_word},
          {"vocab", vocabulary_to_json(model.vocabulary)}};
}

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
