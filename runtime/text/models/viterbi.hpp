#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/text/byte_trie.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::text {

/// The best path to the end of each byte of a word. `Sum` is the type of score sums: float, to
/// which SentencePiece rounds them, or double, which Hugging Face uses.
template <typename Sum>
struct BestEnd {
  Sum score = 0;
  size_t begin = 0;
  int32_t index = ByteTrie::kNone;  ///< of the token that ends here; kNone: an unknown character
  bool reached = false;
};

/// Finds, for each position in `word`, the tokens up to it with the highest sum of scores; among
/// equal sums the token that begins first wins. A character that is not a token is unknown and
/// scores `unknown_score`.
///
/// tokens  -> index
/// score   Sum score(index, bytes)
/// rebase  rebase(ends from where the next tokens begin up to the last one reached): may subtract
///         the same number from all their scores, to keep sums small
template <typename Sum, typename Score, typename Rebase>
void best_ends(std::string_view word, const ByteTrie& tokens, Sum unknown_score, const Score& score,
               const Rebase& rebase, std::vector<BestEnd<Sum>>* ends) {
  ends->assign(word.size() + 1, BestEnd<Sum>{});
  (*ends)[0].reached = true;
  size_t last = 0;
  const auto offer = [&](size_t begin, size_t end, int32_t index, Sum value) {
    BestEnd<Sum>& best = (*ends)[end];
    const Sum sum = value + (*ends)[begin].score;
    if (!best.reached || sum > best.score) best = {sum, begin, index, true};
    last = std::max(last, end);
  };
  for (size_t begin = 0; begin < word.size();) {
    rebase(std::span(*ends).subspan(begin, last - begin + 1));
    const size_t next = begin + static_cast<size_t>(decode_at(word, begin).length);
    bool single = false;
    int32_t node = ByteTrie::kRoot;
    for (size_t end = begin; end < word.size();) {
      node = tokens.child(node, static_cast<uint8_t>(word[end++]));
      if (node == ByteTrie::kNone) break;
      const int32_t index = tokens.value(node);
      if (index == ByteTrie::kNone) continue;
      offer(begin, end, index, score(index, end - begin));
      single |= end == next;
    }
    if (!single) offer(begin, next, ByteTrie::kNone, unknown_score);
    begin = next;
  }
}

}  // namespace lanewise::text
