#include "runtime/generate/processors.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <span>
#include <vector>

namespace lanewise::generate {
namespace {

constexpr float kGenerateProcessorsForbidden = -std::numeric_limits<float>::infinity();
using Ids = std::vector<int32_t>;
using Row = std::vector<float>;

Row ones(size_t vocabulary) { return Row(vocabulary, 1.0f); }

/// The ids that have become -inf.
Ids forbidden(const Row& scores) {
  Ids ids;
  for (size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] == kGenerateProcessorsForbidden) ids.push_back(static_cast<int32_t>(i));
  }
  return ids;
}

TEST(ProcessorsTest, RepetitionIsPenalisedOnceByTheSignOfTheScore) {
  Row scores{4.0f, -4.0f, 1.0f, 0.0f, 5.0f};
  const Ids tokens{0, 1, 0, 3, 0};
  Row before(tokens.size());
  penalize_repetition(tokens, 2.0f, scores, before.data());
  EXPECT_EQ(scores, (Row{2.0f, -8.0f, 1.0f, 0.0f, 5.0f}));
  EXPECT_EQ(before, (Row{4.0f, -4.0f, 4.0f, 0.0f, 4.0f}));
  Row forbidden_already{kGenerateProcessorsForbidden, 1.0f};
  penalize_repetition(Ids{0}, 2.0f, forbidden_already, before.data());
  EXPECT_EQ(forbidden(forbidden_already), Ids{0});
}

TEST(ProcessorsTest, ABiasIsAdded) {
  Row scores = ones(4);
  add_bias(std::vector<LogitBias>{{1, 2.5}, {3, -1e30}}, scores);
  EXPECT_EQ(scores, (Row{1.0f, 3.5f, 1.0f, -1e30f}));
}

TEST(ProcessorsTest, OccurrencesAreCountedAndPresenceIsNot) {
  Row scores{4.0f, -4.0f, 1.0f, kGenerateProcessorsForbidden, 0.0f};
  const Ids tokens{0, 1, 0, 3, 0};
  Row memory(tokens.size());
  penalize_occurrence(tokens, 0.5f, 2.0f, scores, memory.data());
  EXPECT_EQ(scores, (Row{0.5f, -6.5f, 1.0f, kGenerateProcessorsForbidden, 0.0f}));
  penalize_occurrence(tokens, -0.5f, -2.0f, scores, memory.data());
  EXPECT_EQ(scores, (Row{4.0f, -4.0f, 1.0f, kGenerateProcessorsForbidden, 0.0f}))
      << "both may be negative";
}

/// In double: bias, repetition over all tokens, frequency and presence over the new ones.
Row penalized(const GenerationOptions& o, const Ids& tokens, size_t prompt, const Row& scores) {
  std::vector<double> values(scores.begin(), scores.end());
  for (const LogitBias& one : o.logit_bias) values[static_cast<size_t>(one.id)] += one.bias;
  for (size_t id = 0; id < values.size(); ++id) {
    const auto token = static_cast<int32_t>(id);
    const bool occurs = std::ranges::find(tokens, token) != tokens.end();
    double& value = values[id];
    if (occurs) value = value < 0 ? value * o.repetition_penalty : value / o.repetition_penalty;
    const auto generated = std::span(tokens).subspan(prompt);
    const auto count = static_cast<double>(std::ranges::count(generated, token));
    value -= count * o.frequency_penalty + (count > 0 ? o.presence_penalty : 0.0);
  }
  return Row(values.begin(), values.end());
}

TEST(ProcessorsTest, PenaltiesApplyInTheirOrderAndRememberTheScoresBefore) {
  const Row original{4.0f, -4.0f, 1.0f, 3.0f, 0.5f, -1.0f, 2.0f, 0.0f};
  const Ids tokens{0, 1, 0, 3, 5, 5, 3, 1, 6};
  constexpr size_t kPrompt = 4;
  for (int choice = 1; choice < 16; ++choice) {
    GenerationOptions options;
    if (choice & 1) options.logit_bias = {{2, 1.5}, {3, -5.0}, {7, 0.25}};
    if (choice & 2) options.repetition_penalty = 1.5;
    if (choice & 4) options.frequency_penalty = 0.75;
    if (choice & 8) options.presence_penalty = -0.5;
    const Processors processors(options, kPrompt, 20);
    EXPECT_TRUE(processors.penalize());
    Row scores = original;
    Row memory(processors.memory(tokens.size()));
    EXPECT_FALSE(processors.apply(tokens, scores, 0.0f, memory.data()));
    const Row expected = penalized(options, tokens, kPrompt, original);
    for (size_t id = 0; id < scores.size(); ++id) {
      EXPECT_NEAR(scores[id], expected[id], 1e-5f) << choice << ", token " << id;
      EXPECT_EQ(processors.score_before(static_cast<int32_t>(id), tokens, scores, memory.data()),
                original[id])
          << choice << ", token " << id;
    }
  }
}

Ids after_ngrams(const Ids& tokens, size_t n) {
  Row scores = ones(10);
  forbid_repeated_ngrams(tokens, n, scores);
  return forbidden(scores);
}

TEST(ProcessorsTest, NoRunOfTokensIsMadeTwice) {
  EXPECT_EQ(after_ngrams({1, 2, 3, 1, 2}, 3), (Ids{3}));
  EXPECT_EQ(after_ngrams({1, 2, 3, 1, 2, 4, 1, 2}, 3), (Ids{3, 4}));
  EXPECT_EQ(after_ngrams({1, 2, 3, 1, 2}, 4), (Ids{}));
  EXPECT_EQ(after_ngrams({1, 2, 3, 1}, 2), (Ids{2}));
  EXPECT_EQ(after_ngrams({5, 5}, 2), (Ids{5})) << "runs may overlap";
  EXPECT_EQ(after_ngrams({5}, 2), (Ids{})) << "a prefix is no run yet";
  EXPECT_EQ(after_ngrams({7, 3, 7}, 1), (Ids{3, 7}));
  EXPECT_EQ(after_ngrams({1, 2}, 3), (Ids{}));
}

Ids after_word(const Ids& tokens, const Ids& word) {
  Row scores = ones(10);
  forbid_word(tokens, word, scores);
  return forbidden(scores);
}

TEST(ProcessorsTest, AWordIsForbiddenAtItsLastToken) {
  EXPECT_EQ(after_word({1}, {4}), (Ids{4}));
  EXPECT_EQ(after_word({1, 2}, {2, 4}), (Ids{4}));
  EXPECT_EQ(after_word({1, 2}, {1, 2, 4}), (Ids{4})) << "its beginning may be all there is";
  EXPECT_EQ(after_word({2, 1}, {2, 4}), (Ids{}));
  EXPECT_EQ(after_word({2}, {1, 2, 4}), (Ids{}));
}

TEST(ProcessorsTest, ForcedTokensAreCertainAndAllOthersForbidden) {
  Row scores = ones(5);
  force(Ids{1, 3}, 0.5f, scores);
  EXPECT_EQ(scores, (Row{kGenerateProcessorsForbidden, 0.5f, kGenerateProcessorsForbidden, 0.5f,
                         kGenerateProcessorsForbidden}));
}

/// The ids forbidden after `tokens`, with a prompt of `prompt` tokens and 5 new ones allowed.
Ids after_all(const GenerationOptions& options, const Ids& tokens, size_t prompt) {
  Row scores = ones(8);
  Row before(tokens.size());
  const Processors processors(options, prompt, 5);
  processors.apply(tokens, scores, 0.0f, before.data());
  return forbidden(scores);
}

TEST(ProcessorsTest, NoEndBeforeTheLeastLength) {
  GenerationOptions options;
  options.eos_token_ids = {2, 3};
  options.min_length = 4;
  EXPECT_EQ(after_all(options, {1, 1, 1}, 2), (Ids{2, 3}));
  EXPECT_EQ(after_all(options, {1, 1, 1, 1}, 2), (Ids{}));
  options.min_new_tokens = 3;  // overrides the other
  EXPECT_EQ(after_all(options, {1, 1, 1, 1}, 2), (Ids{2, 3}));
  EXPECT_EQ(after_all(options, {1, 1, 1, 1, 1}, 2), (Ids{}));
}

TEST(ProcessorsTest, AnEndTokenAloneIsNoBadWord) {
  GenerationOptions options;
  options.eos_token_ids = {2};
  options.bad_words_ids = {{2}, {4}, {1, 2}};
  EXPECT_EQ(after_all(options, {5}, 1), (Ids{4}));
  EXPECT_EQ(after_all(options, {1}, 1), (Ids{2, 4}));
}

TEST(ProcessorsTest, TheFirstTokenIsForcedBehindOneTokenOnly) {
  GenerationOptions options;
  options.forced_bos_token_id = 5;
  EXPECT_EQ(after_all(options, {1}, 1), (Ids{0, 1, 2, 3, 4, 6, 7}));
  EXPECT_EQ(after_all(options, {1, 5}, 1), (Ids{}));
  EXPECT_EQ(after_all(options, {1, 1}, 2), (Ids{}));
}

TEST(ProcessorsTest, TheLastTokenIsForcedAtTheLongestLength) {
  GenerationOptions options;
  options.forced_eos_token_id = {2, 6};
  EXPECT_EQ(after_all(options, {1, 1, 1, 1, 1}, 2), (Ids{}));
  EXPECT_EQ(after_all(options, {1, 1, 1, 1, 1, 1}, 2), (Ids{0, 1, 3, 4, 5, 7}));
}

TEST(ProcessorsTest, SuppressionAtTheBeginningWaitsForAForcedToken) {
  GenerationOptions options;
  options.suppress_tokens = {0};
  options.begin_suppress_tokens = {3, 4};
  EXPECT_EQ(after_all(options, {1}, 1), (Ids{0, 3, 4}));
  EXPECT_EQ(after_all(options, {1, 1}, 1), (Ids{0}));
  options.forced_bos_token_id = 5;
  EXPECT_EQ(after_all(options, {1, 5}, 1), (Ids{0, 3, 4}));
  EXPECT_EQ(after_all(options, {1, 1}, 2), (Ids{0, 3, 4})) << "nothing is forced there";
}

TEST(ProcessorsTest, SaysWhetherTheTokenIsForced) {
  GenerationOptions options;
  const Ids tokens{1};
  Row scores = ones(8);
  EXPECT_FALSE(Processors(options, 1, 5).apply(tokens, scores, 0.0f, nullptr));
  options.forced_bos_token_id = 5;
  EXPECT_TRUE(Processors(options, 1, 5).apply(tokens, scores, 2.5f, nullptr));
  EXPECT_EQ(scores[5], 2.5f);
  // Forcing follows penalties, suppression follows forcing.
  options.repetition_penalty = 3.0;
  options.suppress_tokens = {5};
  scores = ones(8);
  Row before(1);
  EXPECT_TRUE(Processors(options, 1, 5).apply(tokens, scores, 0.0f, before.data()));
  EXPECT_EQ(forbidden(scores).size(), 8u);
  EXPECT_EQ(before[0], 1.0f);
}

}  // namespace
}  // namespace lanewise::generate
