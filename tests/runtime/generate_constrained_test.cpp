// Searches whose tokens a grammar restricts.

#include <gtest/gtest.h>

#include "tests/runtime/generate_table_model.hpp"
#include "tests/runtime/grammar_walk.hpp"

namespace lanewise::generate::test {
namespace {

using lanewise::test::Tokens;

constexpr int32_t kGenerateConstrainedEnd = 2;
constexpr int32_t kGenerateConstrainedPrompt = 0;

class ConstrainedSearchTest : public ::testing::TestWithParam<int> {
 protected:
  const Tokens& tokens_ = Tokens::of("roberta");
  GenerationOptions options_ = [] {
    GenerationOptions options;
    options.beams = GetParam();
    options.eos_token_ids = {kGenerateConstrainedEnd};
    return options;
  }();

  int32_t id_of(const std::string& text) const {
    return static_cast<int32_t>(std::find(tokens_.bytes.begin(), tokens_.bytes.end(), text) -
                                tokens_.bytes.begin());
  }

  /// Runs with a model that likes the end best, then high ids.
  Hypothesis found(const char* pattern, const Model& model = nullptr) {
    const auto vocabulary = static_cast<int64_t>(tokens_.bytes.size());
    const std::vector<int32_t> prompt{kGenerateConstrainedPrompt};
    const auto search = make(options_, vocabulary, prompt);
    const Constraint constraint =
        lanewise::test::constraint_of(Grammar::from_regex(pattern), tokens_);
    search->constrain(*constraint.start());
    run(
        *search, prompt, model ? model : [&](const std::vector<int32_t>&) {
          std::vector<float> logits(tokens_.bytes.size());
          for (size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(i) * 0.001f;
          logits[kGenerateConstrainedEnd] = 9.0f;
          return logits;
        });
    EXPECT_TRUE(search->status().ok());
    return search->results().front();
  }
};
INSTANTIATE_TEST_SUITE_P(Beams, ConstrainedSearchTest, ::testing::Values(1, 3));

TEST_P(ConstrainedSearchTest, EndsWhereTheTextMayEnd) {
  const Hypothesis best = found("[x-z]{5}");
  EXPECT_EQ(best.finish_reason, FinishReason::kEos);
  EXPECT_EQ(tokens_.decoded(best.ids).size(), 5U);
}

TEST_P(ConstrainedSearchTest, AnEndTokenIsNoTextWithinTheGrammar) {
  // An end token that is a word: it ends, and cannot stand for the word.
  options_.eos_token_ids = {id_of("x")};
  const Hypothesis best = found("[xy]{3}");
  EXPECT_EQ(tokens_.decoded(best.ids), "yyy");
}

TEST_P(ConstrainedSearchTest, StopsWithoutAnEndToken) {
  options_.eos_token_ids = {};
  const Hypothesis best = found("a{4}");
  EXPECT_EQ(best.finish_reason, FinishReason::kStop);
  EXPECT_EQ(tokens_.decoded(best.ids), "aaaa");
}

TEST_P(ConstrainedSearchTest, StopsWhereTheMinimumLengthForbidsTheEnd) {
  options_.min_new_tokens = 30;
  const Hypothesis best = found("ab");
  EXPECT_EQ(best.finish_reason, FinishReason::kStop);
  EXPECT_EQ(tokens_.decoded(best.ids), "ab");
}

TEST_P(ConstrainedSearchTest, IsIncompleteAtTheMaximumLength) {
  options_.max_new_tokens = 3;
  const Hypothesis best = found("[a-z]{1000}");
  EXPECT_EQ(best.finish_reason, FinishReason::kLength);
  EXPECT_EQ(best.ids.size(), 3U);
}

TEST_P(ConstrainedSearchTest, AForcedFirstTokenIsNoPartOfTheText) {
  options_.forced_bos_token_id = 1;  // special
  const Hypothesis best = found("ab");
  EXPECT_EQ(best.finish_reason, FinishReason::kEos);
  EXPECT_EQ(best.ids.at(0), 1);
  EXPECT_EQ(tokens_.decoded(best.ids), "ab");
}

TEST_P(ConstrainedSearchTest, RowsFollowTheirParents) {
  // Beams change places: each must go on in its own text.
  const Hypothesis best = found("(ab|cd|ef|gh)*;", [&](const std::vector<int32_t>& before) {
    std::vector<float> logits(tokens_.bytes.size());
    uint64_t state = before.size() * 77 + static_cast<uint64_t>(before.back());
    for (float& logit : logits) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      logit = static_cast<float>(state >> 40) * 1e-7f;
    }
    return logits;
  });
  const std::string text = tokens_.decoded(best.ids);
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    EXPECT_NE(std::string("abcdefgh").find(text.substr(i, 2)) % 2, 1U) << text;
  }
}

}  // namespace
}  // namespace lanewise::generate::test
