#pragma once

#include <cstdint>
#include <span>

#include "lanewise/generation.hpp"

namespace lanewise::generate {

/// The decoder's tokens of one hypothesis so far, prompt or start token included.
using Tokens = std::span<const int32_t>;
/// What the next token is chosen by, [vocabulary]: logits, or their logarithms of probabilities.
using Scores = std::span<float>;

// The pieces. Ids are within the vocabulary; what may not be chosen becomes -inf.

/// Makes each token that is there already less likely, once: a score of v >= 0 becomes v / penalty,
/// a negative one v * penalty.
///
/// before  out, [tokens.size()]: the score of each token as it was
/// Source: Keskar et al. 2019, arXiv:1909.05858, with Transformers' rule for the sign.
void penalize_repetition(Tokens tokens, float penalty, Scores scores, float* before) noexcept;

/// Forbids what would make the last n tokens a run that is there already. n >= 1.
void forbid_repeated_ngrams(Tokens tokens, size_t n, Scores scores) noexcept;

/// Forbids the last token of `word` where the others are the end of `tokens`.
void forbid_word(Tokens tokens, Tokens word, Scores scores) noexcept;

void forbid(Tokens ids, Scores scores) noexcept;

/// Forbids all but `ids`, which get the score `certain`.
void force(Tokens ids, float certain, Scores scores) noexcept;

/// All of them, in Transformers' order: repetition, n-grams, bad words, the least length, forced
/// first and last tokens, suppressed tokens.
class Processors {
 public:
  /// options         Must outlive this.
  /// prompt          tokens before the first new one
  /// max_new_tokens  what is really allowed
  Processors(const GenerationOptions& options, size_t prompt, int64_t max_new_tokens);

  /// Whether scores change that can still be chosen: then it matters whether they are logits or
  /// log-probabilities, and apply() needs room for what they were.
  bool penalize() const noexcept { return penalty_ != 1.0f; }

  /// Returns whether the next token is forced.
  ///
  /// certain  the score of a probability of 1
  /// before   out, [tokens.size()]: the tokens' scores before penalties. Untouched without.
  bool apply(Tokens tokens, Scores scores, float certain, float* before) const noexcept;

 private:
  const GenerationOptions& options_;
  float penalty_;
  size_t min_tokens_;  ///< no end token before; prompt included, like the others
  size_t max_tokens_;
  size_t begin_suppress_;  ///< begin_suppress_tokens hold behind so many tokens
  std::vector<Tokens> bad_words_;
};

}  // namespace lanewise::generate
