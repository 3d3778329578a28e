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

/// Tokens and their ids, without duplicate tokens.
using Vocabulary = std::vector<std::pair<std::string, int32_t>>;

/// A tokenizer's tokens by id, and what each decodes to. Holds views of strings that outlive it.
class TokenTable {
 public:
  /// Adds a token; an empty one is ignored. If two tokens that texts can contain share an id, the
  /// id decodes to the one added last. kResourceExhausted if the id or the token is implausibly
  /// large.
  Status add(std::string_view token, int32_t id);

  /// Makes the id decode to `form` instead of its token.
  void decode_as(int32_t id, std::string form) { forms_[id] = std::move(form); }
  /// Lets decoding skip the token.
  void mark_special(int32_t id) { special_.insert(id); }

  /// "" if no token has the id.
  std::string_view token(int32_t id) const noexcept;

  int64_t size() const noexcept { return static_cast<int64_t>(by_id_.size()); }

  /// The strings to join for the text of `ids`. Ids without a token add nothing. kInvalidArgument
  /// if an id is negative.
  Result<std::vector<std::string_view>> decoded(std::span<const int32_t> ids,
                                                bool skip_special) const;

 private:
  std::vector<std::string_view> by_id_;
  std::unordered_map<int32_t, std::string> forms_;
  std::unordered_set<int32_t> special_;
};

/// Concatenates tokens with `separator` between them.
std::string join(std::span<const std::string_view> tokens, std::string_view separator);

}  // namespace lanewise::text
