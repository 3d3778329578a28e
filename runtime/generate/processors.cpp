#include "runtime/generate/processors.hpp"

#include <algorithm>
#include <limits>

namespace lanewise::generate {
namespace {

constexpr float kForbiddenLogit = -std::numeric_limits<float>::infinity();

float& score_of(int32_t id, Scores scores) noexcept { return scores[static_cast<size_t>(id)]; }

bool ends_with(Tokens tokens, Tokens end) noexcept {
  return end.size() <= tokens.size() &&
         std::equal(end.begin(), end.end(), tokens.end() - static_cast<std::ptrdiff_t>(end.size()));
}

size_t min_tokens(const GenerationOptions& options, size_t prompt) {
  if (options.min_new_tokens > 0) return prompt + static_cast<size_t>(options.min_new_tokens);
  return static_cast<size_t>(options.min_length);
}

/// The number of tokens before the first free choice.
size_t first_choice(const GenerationOptions& options, size_t prompt) {
  const bool forced = prompt == 1 && options.forced_bos_token_id != kNoToken;
  return prompt + (forced ? 1 : 0);
}

bool is_one_of(const std::vector<int32_t>& ids, int32_t id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

}  // namespace

void penalize_repetition(Tokens tokens, float penalty, Scores scores, float* before) noexcept {
  // Reads all scores before writing any: a token that occurs twice is penalised once.
  for (size_t i = 0; i < tokens.size(); ++i) before[i] = score_of(tokens[i], scores);
  for (size_t i = 0; i < tokens.size(); ++i) {
    score_of(tokens[i], scores) = before[i] < 0.0f ? before[i] * penalty : before[i] / penalty;
  }
}

void add_bias(std::span<const LogitBias> biases, Scores scores) noexcept {
  for (const LogitBias& one : biases) score_of(one.id, scores) += static_cast<float>(one.bias);
}

void penalize_occurrence(Tokens tokens, float frequency, float presence, Scores scores,
                         float* memory) noexcept {
  // As above; a token that occurs twice loses `presence` once.
  for (size_t i = 0; i < tokens.size(); ++i) memory[i] = score_of(tokens[i], scores);
  for (size_t i = 0; i < tokens.size(); ++i) score_of(tokens[i], scores) = memory[i] - presence;
  for (const int32_t token : tokens) score_of(token, scores) -= frequency;
}

void forbid_repeated_ngrams(Tokens tokens, size_t n, Scores scores) noexcept {
  if (tokens.size() < n) return;
  const Tokens end = tokens.last(n - 1);
  for (size_t last = n - 1; last < tokens.size(); ++last) {
    if (std::equal(end.begin(), end.end(),
                   tokens.begin() + static_cast<std::ptrdiff_t>(last + 1 - n))) {
      score_of(tokens[last], scores) = kForbiddenLogit;
    }
  }
}

void forbid_word(Tokens tokens, Tokens word, Scores scores) noexcept {
  if (ends_with(tokens, word.first(word.size() - 1)))
    score_of(word.back(), scores) = kForbiddenLogit;
}

void forbid(Tokens ids, Scores scores) noexcept {
  for (const int32_t id : ids) score_of(id, scores) = kForbiddenLogit;
}

void force(Tokens ids, float certain, Scores scores) noexcept {
  std::fill(scores.begin(), scores.end(), kForbiddenLogit);
  for (const int32_t id : ids) score_of(id, scores) = certain;
}

Processors::Processors(const GenerationOptions& options, size_t prompt, int64_t max_new_tokens)
    : options_(options),
      prompt_(prompt),
      penalty_(static_cast<float>(options.repetition_penalty)),
      frequency_(static_cast<float>(options.frequency_penalty)),
      presence_(static_cast<float>(options.presence_penalty)),
      min_tokens_(min_tokens(options, prompt)),
      max_tokens_(prompt + static_cast<size_t>(max_new_tokens)),
      begin_suppress_(first_choice(options, prompt)) {
  for (const std::vector<int32_t>& word : options.bad_words_ids) {
    // An end token alone is not a bad word: nothing could end.
    if (word.size() == 1 && is_one_of(options.eos_token_ids, word[0])) continue;
    bad_words_.emplace_back(word);
  }
}

// The scores of tokens and of biased tokens before penalties; if several rules change scores, the
// memory that each of them needs for itself.
size_t Processors::memory(size_t tokens) const noexcept {
  if (!penalize()) return 0;
  return adds() ? tokens + options_.logit_bias.size() + tokens : tokens;
}

void Processors::change_scores(Tokens tokens, Scores scores, float* memory) const noexcept {
  if (!adds()) return penalize_repetition(tokens, penalty_, scores, memory);
  for (const int32_t token : tokens) *memory++ = score_of(token, scores);
  for (const LogitBias& one : options_.logit_bias) *memory++ = score_of(one.id, scores);
  add_bias(options_.logit_bias, scores);
  if (penalty_ != 1.0f) penalize_repetition(tokens, penalty_, scores, memory);
  if (counts()) {
    penalize_occurrence(tokens.subspan(prompt_), frequency_, presence_, scores, memory);
  }
}

float Processors::score_before(int32_t id, Tokens tokens, Scores scores,
                               const float* memory) const noexcept {
  if (!penalize()) return score_of(id, scores);
  const auto place = std::find(tokens.begin(), tokens.end(), id);
  if (place != tokens.end()) return memory[place - tokens.begin()];
  const std::vector<LogitBias>& biases = options_.logit_bias;
  const auto bias = std::find_if(biases.begin(), biases.end(),
                                 [&](const LogitBias& one) { return one.id == id; });
  if (bias == biases.end()) return score_of(id, scores);
  return memory[tokens.size() + static_cast<size_t>(bias - biases.begin())];
}

bool Processors::apply(Tokens tokens, Scores scores, float certain, float* memory) const noexcept {
  if (penalize()) change_scores(tokens, scores, memory);
  if (options_.no_repeat_ngram_size > 0) {
    forbid_repeated_ngrams(tokens, static_cast<size_t>(options_.no_repeat_ngram_size), scores);
  }
  for (const Tokens word : bad_words_) forbid_word(tokens, word, scores);
  if (tokens.size() < min_tokens_) forbid(options_.eos_token_ids, scores);
  bool forced = false;
  if (tokens.size() == 1 && options_.forced_bos_token_id != kNoToken) {
    force({&options_.forced_bos_token_id, 1}, certain, scores);
    forced = true;
  }
  if (tokens.size() + 1 == max_tokens_ && !options_.forced_eos_token_id.empty()) {
    force(options_.forced_eos_token_id, certain, scores);
    forced = true;
  }
  forbid(options_.suppress_tokens, scores);
  if (tokens.size() == begin_suppress_) forbid(options_.begin_suppress_tokens, scores);
  return forced;
}

}  // namespace lanewise::generate
