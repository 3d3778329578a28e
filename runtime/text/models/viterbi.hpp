#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "runtime/text/byte_trie.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::text {

/// The best way to the end of each byte of a word.
struct BestEnd {
  double score = 0;
  size_t begin = 0;
  int32_t index = ByteTrie::kNone;  ///< of the token that ends here; `unknown` of best_ends()
  bool reached = false;
};

/// Finds, for each place in `word`, the tokens up to it whose scores have the highest sum; of
/// equals the one that begins first. A character that is no token by itself is `unknown` with
/// `unknown_score`.
///
/// tokens  -> index
/// score   double score(index, bytes)
/// round   what a sum is kept as: sums of floats are rounded as SentencePiece rounds them
template <typename Score, typename Round>
void best_ends(std::string_view word, const ByteTrie& tokens, int32_t unknown, double unknown_score,
               const Score& score, const Round& round, std::vector<BestEnd>* ends) {
  ends->assign(word.size() + 1, BestEnd{});
  const auto offer = [&](size_t begin, size_t end, int32_t index, double value) {
    BestEnd& best = (*ends)[end];
    // Tokens are compared before rounding and the unknown after it, as SentencePiece does.
    double sum = value + (*ends)[begin].score;
    if (index == unknown) sum = round(sum);
    if (!best.reached || sum > best.score) best = {round(sum), begin, index, true};
  };
  for (size_t begin = 0; begin < word.size();) {
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
    if (!single) offer(begin, next, unknown, unknown_score);
    begin = next;
  }
}

}  // namespace lanewise::text
