#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "lanewise/status.hpp"

namespace lanewise::text {

/// Tokens and their ids, no token twice.
using Vocabulary = std::vector<std::pair<std::string, int32_t>>;

/// The tokens of a tokenizer by their ids, and what decoding makes of each. Holds views of strings
/// that outlive it.
class TokenTable {
 public:
  /// Enters a token; an empty one is none. Of two tokens with one id, both of which texts may have,
  /// the one that was entered last is what the id is decoded to. kResourceExhausted if the id or
  /// the token is too large to be meant.
  Status add(std::string_view token, int32_t id);

  /// Decoding gives `form` where it would give the token.
  void decode_as(int32_t id, std::string form) { forms_[id] = std::move(form); }
  /// Decoding can leave the token out.
  void mark_special(int32_t id) { special_.insert(id); }

  /// "" if no token has the id.
  std::string_view token(int32_t id) const noexcept;

  int64_t size() const noexcept { return static_cast<int64_t>(by_id_.size()); }

  /// What is to be joined to the text of `ids`. Ids that no token has add nothing.
  /// kInvalidArgument if an id is negative.
  Result<std::vector<std::string_view>> decoded(std::span<const int32_t> ids,
                                                bool skip_special) const;

 private:
  std::vector<std::string_view> by_id_;
  std::unordered_map<int32_t, std::string> forms_;
  std::unordered_set<int32_t> special_;
};

/// The tokens one after the other.
std::string join(std::span<const std::string_view> tokens, std::string_view separator);

}  // namespace lanewise::text
