#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/text/byte_trie.hpp"

namespace lanewise::text {

/// A token that is matched before the text is split into words, such as "[MASK]".
struct AddedToken {
  std::string content;
  int32_t id = 0;
  bool single_word = false;  ///< Matches only if no word character touches it.
  bool lstrip = false;       ///< Includes the white space on its left.
  bool rstrip = false;       ///< Includes the white space on its right.
  bool normalized = false;   ///< Matched in the normalised text, by its normalised content.
  bool special = false;      ///< Dropped when decoding skips special tokens.
};

/// Finds added tokens in texts: leftmost first, then longest, without overlaps.
///
/// Const methods are thread-safe.
class AddedTokenMatcher {
 public:
  /// Called for each piece of a text, in order: bytes [begin, end) and the token found there, or
  /// null for text between tokens. Returns whether to continue.
  using Visit = std::function<bool(const AddedToken* token, size_t begin, size_t end)>;

  /// Finds `token` wherever `pattern` occurs. If two tokens have the same pattern, the first
  /// counts; an empty pattern is never found. Returns false if there is no room for it.
  [[nodiscard]] bool add(std::string_view pattern, const AddedToken& token);

  bool empty() const noexcept { return tokens_.empty(); }

  /// Splits `text`, which is UTF-8, at its added tokens. Linear for patterns of bounded length.
  void split(std::string_view text, const Visit& visit) const;

 private:
  struct Match {
    const AddedToken* token;
    size_t begin;
    size_t end;
  };

  size_t next_candidate(std::string_view text, size_t i) const noexcept;
  bool longest_match_at(std::string_view text, size_t i, Match* match) const noexcept;
  bool next_match(std::string_view text, size_t i, Match* match) const noexcept;

  std::vector<AddedToken> tokens_;
  ByteTrie patterns_;  // -> index in tokens_
  std::array<bool, 256> starts_ = {};
  int distinct_starts_ = 0;
  char last_start_ = 0;
};

}  // namespace lanewise::text
