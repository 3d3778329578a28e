// The log-probabilities of tokens and of what might have stood in their places.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/runtime/generate_table_model.hpp"

namespace lanewise::generate {
namespace {

using Ids = std::vector<int32_t>;

constexpr int64_t kGenerateTokenLogVocabulary = 23;
constexpr int32_t kGenerateTokenLogEnd = 2;
const Ids kGenerateTokenLogPrompt{1, 4};
// A logit minus the logarithm of a sum, both in f32 and below 10.
constexpr double kGenerateTokenLogTolerance = 5e-6;

std::vector<float> generate_token_log_model(const Ids& tokens) {
  std::vector<float> logits(kGenerateTokenLogVocabulary);
  const auto last = static_cast<uint32_t>(tokens.back() + 7 * static_cast<int32_t>(tokens.size()));
  for (uint32_t i = 0; i < logits.size(); ++i) {
    logits[i] = static_cast<float>((last * 131 + i * 197 + i * i * 53) % 1009) / 170.0f;
  }
  return logits;
}

/// The model's own log-probabilities after `tokens`, in double.
std::vector<double> log_probabilities(const Ids& tokens) {
  double sum = 0.0;
  for (const float logit : generate_token_log_model(tokens))
    sum += std::exp(static_cast<double>(logit));
  std::vector<double> result;
  for (const float logit : generate_token_log_model(tokens))
    result.push_back(static_cast<double>(logit) - std::log(sum));
  return result;
}

void expect_logprobs(const Hypothesis& hypothesis, size_t top) {
  Ids tokens = kGenerateTokenLogPrompt;
  ASSERT_EQ(hypothesis.logprobs.size(), hypothesis.ids.size());
  for (size_t i = 0; i < hypothesis.ids.size(); ++i) {
    const TokenLogprob& found = hypothesis.logprobs[i];
    const std::vector<double> expected = log_probabilities(tokens);
    EXPECT_EQ(found.id, hypothesis.ids[i]);
    EXPECT_NEAR(found.logprob, expected[static_cast<size_t>(found.id)], kGenerateTokenLogTolerance);
    std::vector<double> sorted = expected;
    std::ranges::sort(sorted, std::greater());
    ASSERT_EQ(found.top.size(), std::min<size_t>(top, kGenerateTokenLogVocabulary));
    for (size_t k = 0; k < found.top.size(); ++k) {
      EXPECT_NEAR(found.top[k].logprob, sorted[k], kGenerateTokenLogTolerance);
      EXPECT_NEAR(found.top[k].logprob, expected[static_cast<size_t>(found.top[k].id)],
                  kGenerateTokenLogTolerance);
    }
    tokens.push_back(found.id);
  }
}

GenerationOptions generate_token_log_options_of(int top) {
  GenerationOptions options;
  options.top_logprobs = top;
  options.max_new_tokens = 9;
  options.eos_token_ids = {kGenerateTokenLogEnd};
  options.repetition_penalty = 1.4;
  options.logit_bias = {{3, 2.0}, {9, -4.0}};
  options.suppress_tokens = {11};
  return options;
}

void expect_logprobs_of(const GenerationOptions& options) {
  const auto search = test::make(options, kGenerateTokenLogVocabulary, kGenerateTokenLogPrompt);
  test::run(*search, kGenerateTokenLogPrompt, generate_token_log_model);
  ASSERT_EQ(search->results().size(), static_cast<size_t>(options.num_return_sequences));
  for (const Hypothesis& hypothesis : search->results()) {
    expect_logprobs(hypothesis, static_cast<size_t>(options.top_logprobs));
  }
}

TEST(TokenLogTest, ProbabilitiesAreTheModelsOwn) {
  for (const int top : {0, 1, 5, 100}) {
    GenerationOptions options = generate_token_log_options_of(top);
    expect_logprobs_of(options);
    options.forced_eos_token_id = {17};
    expect_logprobs_of(options);
    options = generate_token_log_options_of(top);
    options.temperature = 2.0;
    options.num_return_sequences = 5;
    options.top_k = 3;
    expect_logprobs_of(options);
    options = generate_token_log_options_of(top);
    options.beams = 4;
    options.num_return_sequences = 4;
    expect_logprobs_of(options);
    options.renormalize_logits = true;
    expect_logprobs_of(options);
  }
}

TEST(TokenLogTest, HypothesesThatAreStoppedHaveThem) {
  for (const int beams : {1, 3}) {
    GenerationOptions options = generate_token_log_options_of(2);
    options.beams = beams;
    const auto search = test::make(options, kGenerateTokenLogVocabulary, kGenerateTokenLogPrompt);
    std::vector<Ids> rows;
    for (int step = 0; step < 4; ++step) {
      std::vector<Ids> next;
      for (int row = 0; row < search->rows(); ++row) {
        next.push_back(step == 0 ? kGenerateTokenLogPrompt
                                 : rows[static_cast<size_t>(search->parent(row))]);
        if (step > 0) next.back().push_back(search->token(row));
        std::vector<float> logits = generate_token_log_model(next.back());
        search->score(row, logits.data());
      }
      rows = std::move(next);
      search->advance();
    }
    search->stop(FinishReason::kCancelled);
    expect_logprobs(search->results().front(), 2);
  }
}

TEST(TokenLogTest, ThereAreNoneUnlessTheyAreAskedFor) {
  GenerationOptions options = generate_token_log_options_of(-1);
  const auto search = test::make(options, kGenerateTokenLogVocabulary, kGenerateTokenLogPrompt);
  test::run(*search, kGenerateTokenLogPrompt, generate_token_log_model);
  EXPECT_TRUE(search->results().front().logprobs.empty());
}

}  // namespace
}  // namespace lanewise::generate
