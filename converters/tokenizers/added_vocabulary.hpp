#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/json_fields.hpp"
#include "base/json_tree.hpp"
#include "lanewise/status.hpp"
#include "runtime/text/added_tokens.hpp"

namespace lanewise::converters {

/// The added tokens of a tokenizer.json, and the ids of further ones.
class AddedVocabulary {
 public:
  /// Reads the added tokens of `tokenizer_json`. If `renumber`, each gets a new id, in the file's
  /// order, as when tokenizers reads the file: that of the model's vocabulary, else the next free
  /// one. kDataLoss if the added tokens have a wrong type.
  static Result<AddedVocabulary> of(const base::JsonFields& tokenizer_json, bool renumber);

  /// Adds a token with its id in the vocabulary, else the next free one. A token that exists
  /// already gets the flags of `token`.
  void add(text::AddedToken token);
  /// Adds a token with its own id, even if another token had it.
  void add_as(const text::AddedToken& token);
  /// Null if `content` is not an added token.
  const text::AddedToken* find(std::string_view content) const;
  /// Whether the model or an added token has `content`.
  bool knows(std::string_view content) const;

  /// By their ids.
  const std::map<int32_t, text::AddedToken>& tokens() const noexcept { return tokens_; }
  /// In the order of ids, as the field `added_tokens` has them.
  base::JsonTree to_json() const;

 private:
  void read_model(const base::JsonFields& tokenizer_json);
  int32_t next_id() const;

  std::unordered_map<std::string, int32_t> model_;
  std::map<int32_t, text::AddedToken> tokens_;
  std::unordered_map<std::string, int32_t> ids_;  // of tokens_
};

}  // namespace lanewise::converters
