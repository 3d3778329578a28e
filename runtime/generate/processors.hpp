#pragma once

#include <cstdint>
#include <span>

#include "lanewise/generation.hpp"

namespace lanewise::generate {

/// The tokens of one hypothesis so far, including the prompt or start token.
using Tokens = std::span<const int32_t>;
/// The scores by which the next token is chosen, [vocabulary]: logits or log-probabilities.
using Scores = std::span<float>;

// The individual processors. Ids are within the vocabulary; forbidden tokens get the score -inf.

/// Makes each token that already occurs less likely, once: a score v >= 0 becomes v / penalty, a
/// negative one v * penalty.
///
/// before  out, [tokens.size()]: the original score of each token
/// Source: Keskar et al. 2019, arXiv:1909.05858, with Transformers' rule for the sign.
void penalize_repetition(Tokens tokens, float penalty, Scores scores, float* before) noexcept;

/// Adds each bias to the score of its token.
void add_bias(std::span<const LogitBias> biases, Scores scores) noexcept;

/// Subtracts `presence` from the score of each of `tokens` once, and `frequency` once for each time
/// that it occurs.
///
/// memory  [tokens.size()], overwritten
/// Source: OpenAI, API reference, "Frequency and presence penalties": mu[j] - c[j] frequency -
/// (c[j] > 0) presence, where c[j] counts the tokens sampled so far. vLLM does the same.
void penalize_occurrence(Tokens tokens, float frequency, float presence, Scores scores,
                         float* memory) noexcept;

/// Forbids tokens that would complete an n-gram that already occurs. n >= 1.
void forbid_repeated_ngrams(Tokens tokens, size_t n, Scores scores) noexcept;

/// Forbids the last token of `word` if `tokens` end with the others.
void forbid_word(Tokens tokens, Tokens word, Scores scores) noexcept;

void forbid(Tokens ids, Scores scores) noexcept;

/// Forbids all tokens except `ids`, which get the score `certain`.
void force(Tokens ids, float certain, Scores scores) noexcept;

/// Applies all processors in Transformers' order: bias, repetition, n-grams, bad words, minimum
/// length, forced first and last tokens, suppressed tokens. Frequency and presence, which it does
/// not have, follow repetition, as in vLLM.
class Processors {
 public:
  /// options         Must outlive this.
  /// prompt          tokens before the first new one
  /// max_new_tokens  the limit that applies to this search
  Processors(const GenerationOptions& options, size_t prompt, int64_t max_new_tokens);

  /// Whether the scores of allowed tokens change. It then matters whether they are logits or
  /// log-probabilities, and apply() needs memory for the original ones.
  bool penalize() const noexcept { return penalty_ != 1.0f || adds(); }

  /// The number of floats of memory that apply() needs for so many tokens, 0 unless penalize().
  size_t memory(size_t tokens) const noexcept;

  /// Returns whether the next token is forced.
  ///
  /// certain  the score that represents probability 1
  /// memory   out, [memory(tokens.size())]: begins with the scores of `tokens` before penalties
  bool apply(Tokens tokens, Scores scores, float certain, float* memory) const noexcept;

  /// The score of an allowed token before penalties, where `memory` is what apply() wrote.
  float score_before(int32_t id, Tokens tokens, Scores scores, const float* memory) const noexcept;

 private:
  bool counts() const noexcept { return frequency_ != 0.0f || presence_ != 0.0f; }
  bool adds() const noexcept { return counts() || !options_.logit_bias.empty(); }
  void change_scores(Tokens tokens, Scores scores, float* memory) const noexcept;

  const GenerationOptions& options_;
  size_t prompt_;
  float penalty_;
  float frequency_;
  float presence_;
  size_t min_tokens_;  ///< no end token before this length; lengths here include the prompt
  size_t max_tokens_;
  size_t begin_suppress_;  ///< the length at which begin_suppress_tokens apply
  std::vector<Tokens> bad_words_;
};

}  // namespace lanewise::generate
