// How a search is driven: rows, parents, all kinds of ends, and its allocations.

#include "runtime/generate/search.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/model/counting_new.hpp"
#include "tests/runtime/generate_table_model.hpp"

namespace lanewise::generate {
namespace {

using Ids = std::vector<int32_t>;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr int64_t kGenerateSearchVocabulary = 12;
constexpr int32_t kGenerateSearchEnd = 2;
const Ids kGenerateSearchPrompt{1, 4};

/// The most likely successor of each token is the next one; the end token is far below.
std::vector<float> count_up(const Ids& tokens) {
  std::vector<float> logits(kGenerateSearchVocabulary);
  for (size_t i = 0; i < logits.size(); ++i) {
    logits[i] = -static_cast<float>(
        (i + kGenerateSearchVocabulary - static_cast<size_t>(tokens.back()) - 1) %
        kGenerateSearchVocabulary);
  }
  logits[kGenerateSearchEnd] = -30.0f;
  return logits;
}

GenerationOptions generate_search_options_of(int beams, int results = 1) {
  GenerationOptions options;
  options.beams = beams;
  options.num_return_sequences = results;
  options.eos_token_ids = {kGenerateSearchEnd};
  return options;
}

GenerationOptions sampling(int results) {
  GenerationOptions options = generate_search_options_of(1, results);
  options.temperature = 1.0;
  return options;
}

void score_all(Search& search, const test::Model& model) {
  for (int row = 0; row < search.rows(); ++row) {
    std::vector<float> logits = model({search.token(row)});
    search.score(row, logits.data());
  }
}

void step(Search& search, const test::Model& model) {
  score_all(search, model);
  search.advance();
}

TEST(SearchTest, BeginsWithOneRowThatIsThePrompt) {
  for (const GenerationOptions& options :
       {generate_search_options_of(1), generate_search_options_of(4), sampling(3)}) {
    const auto search = test::make(options, kGenerateSearchVocabulary, kGenerateSearchPrompt);
    EXPECT_EQ(search->rows(), 1);
    EXPECT_EQ(search->token(0), 4);
    EXPECT_EQ(search->parent(0), 0);
    EXPECT_TRUE(search->ids(0).empty());
    EXPECT_TRUE(search->finished().empty());
  }
}

TEST(SearchTest, GreedyTakesTheLikeliest) {
  GenerationOptions options = generate_search_options_of(1);
  options.max_new_tokens = 5;
  const auto search = test::make(options, kGenerateSearchVocabulary, kGenerateSearchPrompt);
  test::run(*search, kGenerateSearchPrompt, count_up);
  ASSERT_EQ(search->results().size(), 1u);
  EXPECT_EQ(search->results()[0].ids, (Ids{5, 6, 7, 8, 9}));
  EXPECT_EQ(search->results()[0].finish_reason, FinishReason::kLength);
}

TEST(SearchTest, ManyRowsContinueTheOneOfThePrompt) {
  for (const GenerationOptions& options : {generate_search_options_of(4), sampling(3)}) {
    const auto search = test::make(options, kGenerateSearchVocabulary, kGenerateSearchPrompt);
    step(*search, count_up);
    EXPECT_EQ(search->rows(), std::max(options.beams, options.num_return_sequences));
    for (int row = 0; row < search->rows(); ++row) {
      EXPECT_EQ(search->parent(row), 0);
      ASSERT_EQ(search->ids(row).size(), 1u);
      EXPECT_EQ(search->ids(row)[0], search->token(row));
    }
  }
}

TEST(SearchTest, BeamsAreTheContinuationsOfTheirParents) {
  const auto search =
      test::make(generate_search_options_of(3), kGenerateSearchVocabulary, kGenerateSearchPrompt);
  for (int length = 1; length < 6; ++length) {
    std::vector<Ids> before;
    for (int row = 0; row < search->rows(); ++row) {
      before.emplace_back(search->ids(row).begin(), search->ids(row).end());
    }
    step(*search, count_up);
    for (int row = 0; row < search->rows(); ++row) {
      Ids expected = before.at(static_cast<size_t>(search->parent(row)));
      expected.push_back(search->token(row));
      EXPECT_EQ(Ids(search->ids(row).begin(), search->ids(row).end()), expected);
    }
  }
}

TEST(SearchTest, AnEndTokenIsNotInTheResult) {
  GenerationOptions options = generate_search_options_of(1);
  options.eos_token_ids = {kGenerateSearchEnd, 7};
  const auto search = test::make(options, kGenerateSearchVocabulary, kGenerateSearchPrompt);
  test::run(*search, kGenerateSearchPrompt, count_up);
  EXPECT_EQ(search->results()[0].ids, (Ids{5, 6}));
  EXPECT_EQ(search->results()[0].finish_reason, FinishReason::kEos);
}

TEST(SearchTest, TheLengthIsThePromptsModelsAndOptions) {
  GenerationOptions options;
  EXPECT_EQ(allowed_new_tokens(options, 3, 40), 40);
  options.max_length = 10;
  EXPECT_EQ(allowed_new_tokens(options, 3, 40), 7);
  EXPECT_EQ(allowed_new_tokens(options, 3, 5), 5);
  EXPECT_EQ(allowed_new_tokens(options, 12, 40), 0);
  options.max_new_tokens = 20;
  EXPECT_EQ(allowed_new_tokens(options, 3, 40), 20);
  EXPECT_EQ(allowed_new_tokens(options, 3, -2), 0);
}

TEST(SearchTest, WithNoRoomForATokenItIsOver) {
  for (const GenerationOptions& options :
       {generate_search_options_of(1), generate_search_options_of(4, 2), sampling(3)}) {
    const auto search = test::make(options, kGenerateSearchVocabulary, kGenerateSearchPrompt, 0, 0);
    EXPECT_EQ(search->rows(), 0);
    ASSERT_GE(search->results().size(), 1u);
    EXPECT_TRUE(search->results()[0].ids.empty());
    EXPECT_EQ(search->results()[0].finish_reason, FinishReason::kLength);
    EXPECT_EQ(search->results()[0].score, 0.0f);
  }
}

TEST(SearchTest, StopKeepsWhatThereIs) {
  for (const GenerationOptions& options :
       {generate_search_options_of(1), generate_search_options_of(4, 3), sampling(3)}) {
    for (int steps = 0; steps < 4; ++steps) {
      const auto search = test::make(options, kGenerateSearchVocabulary, kGenerateSearchPrompt);
      for (int i = 0; i < steps; ++i) step(*search, count_up);
      score_all(*search, count_up);  // scores are discarded without advance()
      search->stop(FinishReason::kCancelled);
      EXPECT_EQ(search->rows(), 0);
      ASSERT_GE(search->results().size(), 1u);
      if (steps > 0) {
        EXPECT_EQ(static_cast<int>(search->results().size()), options.num_return_sequences);
      }
      for (const Hypothesis& hypothesis : search->results()) {
        EXPECT_EQ(static_cast<int>(hypothesis.ids.size()), steps);
        EXPECT_EQ(hypothesis.finish_reason, FinishReason::kCancelled);
        EXPECT_TRUE(std::isfinite(hypothesis.score));
      }
      search->stop(FinishReason::kStop);
      EXPECT_EQ(search->results()[0].finish_reason, FinishReason::kCancelled);
    }
  }
}

TEST(SearchTest, StopLeavesFinishedHypothesesAsTheyAre) {
  GenerationOptions options = generate_search_options_of(3, 3);
  options.eos_token_ids = {kGenerateSearchEnd, 7};
  options.length_penalty = 0.0;
  const auto search = test::make(options, kGenerateSearchVocabulary, kGenerateSearchPrompt);
  while (search->finished().empty()) step(*search, count_up);
  const Hypothesis first = search->finished()[0];
  EXPECT_EQ(first.finish_reason, FinishReason::kEos);
  search->stop(FinishReason::kStop);
  bool found = false;
  for (const Hypothesis& hypothesis : search->results()) {
    found = found || (hypothesis.ids == first.ids && hypothesis.score == first.score);
  }
  EXPECT_TRUE(found);
}

/// Logits of 0 for these tokens, which share all of the probability.
std::vector<float> evenly(const Ids& tokens) {
  std::vector<float> logits(kGenerateSearchVocabulary, -kInf);
  for (const int32_t token : tokens) logits[static_cast<size_t>(token)] = 0.0f;
  return logits;
}

TEST(SearchTest, OfEqualBeamsTheEarlierAndTheLowerTokenCome) {
  const Ids all{0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  const auto search =
      test::make(generate_search_options_of(4), kGenerateSearchVocabulary, kGenerateSearchPrompt);
  for (int length = 1; length <= 3; ++length) {
    step(*search, [&](const Ids&) { return evenly(all); });
    ASSERT_EQ(search->rows(), 4);
    for (int row = 0; row < 4; ++row) {
      EXPECT_EQ(search->parent(row), 0) << length << " " << row;
      EXPECT_EQ(search->token(row), all[static_cast<size_t>(row)]) << length << " " << row;
    }
  }
}

TEST(SearchTest, OfEqualResultsTheEarlierComesFirst) {
  GenerationOptions options = generate_search_options_of(3, 2);
  options.max_new_tokens = 1;
  const auto search = test::make(options, kGenerateSearchVocabulary, kGenerateSearchPrompt);
  step(*search, [](const Ids&) { return evenly({4, 5, 7, 8}); });
  ASSERT_EQ(search->results().size(), 2u);
  EXPECT_EQ(search->results()[0].ids, Ids{4});
  EXPECT_EQ(search->results()[1].ids, Ids{5});
}

TEST(SearchTest, AnEndThatIsNotAmongTheBestContinuationsIsNoResult) {
  const auto search =
      test::make(generate_search_options_of(2), kGenerateSearchVocabulary, kGenerateSearchPrompt);
  step(*search, [](const Ids&) {
    std::vector<float> logits = evenly({5, 6, kGenerateSearchEnd});
    logits[kGenerateSearchEnd] = -1.0f;
    return logits;
  });
  EXPECT_TRUE(search->finished().empty());
  EXPECT_EQ(search->rows(), 2);
}

TEST(SearchTest, ABeamThatCanOnlyEqualTheWorstResultIsNotContinued) {
  GenerationOptions options = generate_search_options_of(2);
  options.eos_token_ids = {kGenerateSearchEnd, 3};
  options.length_penalty = 0.0;
  const auto search = test::make(options, kGenerateSearchVocabulary, kGenerateSearchPrompt);
  step(*search, [](const Ids&) { return evenly({kGenerateSearchEnd, 3, 5}); });
  EXPECT_EQ(search->finished().size(), 2u);
  EXPECT_EQ(search->rows(), 0);
}

/// With a negative penalty scores only fall with the length, so a beam is best at its current
/// length.
TEST(SearchTest, NeverStoppingEarlySupposesTheLengthWithTheBestScore) {
  GenerationOptions options = generate_search_options_of(2);
  options.length_penalty = -1.0;
  options.early_stopping = EarlyStopping::kNever;
  const auto search = test::make(options, kGenerateSearchVocabulary, kGenerateSearchPrompt);
  const auto likely = [](int32_t token, float end, float other) {
    std::vector<float> logits(kGenerateSearchVocabulary, -kInf);
    logits[static_cast<size_t>(token)] = 0.0f;
    logits[kGenerateSearchEnd] = end;
    logits[11] = other;
    return logits;
  };
  step(*search, [&](const Ids&) { return likely(5, -2.0f, -4.0f); });
  step(*search, [&](const Ids&) { return likely(7, -2.0f, -4.0f); });
  EXPECT_EQ(search->finished().size(), 2u);
  EXPECT_GT(search->rows(), 0);
  step(*search, [&](const Ids&) { return likely(kGenerateSearchEnd, 0.0f, -9.0f); });
  search->stop(FinishReason::kStop);
  EXPECT_EQ(search->results()[0].ids, (Ids{5, 7}));
}

TEST(SearchTest, ScoresAreDividedByTheLengthWhereItIsStoppedToo) {
  for (const double penalty : {0.0, 1.0, 2.0}) {
    GenerationOptions options = generate_search_options_of(2, 2);
    options.length_penalty = penalty;
    const auto search = test::make(options, kGenerateSearchVocabulary, kGenerateSearchPrompt);
    for (int i = 0; i < 3; ++i) step(*search, [](const Ids&) { return evenly({4, 5}); });
    search->stop(FinishReason::kCancelled);
    ASSERT_EQ(search->results().size(), 2u);
    for (const Hypothesis& hypothesis : search->results()) {
      EXPECT_NEAR(hypothesis.score, -3.0 * std::log(2.0) / std::pow(3.0, penalty), 1e-6);
    }
  }
}

TEST(SearchTest, LogitsThatAreNoDistributionEndARow) {
  for (const GenerationOptions& options :
       {generate_search_options_of(1), generate_search_options_of(4, 2), sampling(2)}) {
    for (const float special : {std::nanf(""), kInf}) {
      const auto search = test::make(options, kGenerateSearchVocabulary, kGenerateSearchPrompt);
      step(*search, count_up);
      std::vector<Ids> kept;
      for (int row = 0; row < search->rows(); ++row) {
        kept.emplace_back(search->ids(row).begin(), search->ids(row).end());
      }
      step(*search, [special](const Ids& tokens) {
        std::vector<float> logits = count_up(tokens);
        logits[3] = special;
        return logits;
      });
      EXPECT_EQ(search->rows(), 0);
      EXPECT_GE(std::count(kept.begin(), kept.end(), search->results()[0].ids), 1);
      EXPECT_EQ(search->results()[0].finish_reason, FinishReason::kStop);
    }
  }
}

TEST(SearchTest, OneBadRowDoesNotEndTheOthers) {
  for (const GenerationOptions& options : {generate_search_options_of(4), sampling(4)}) {
    const auto search = test::make(options, kGenerateSearchVocabulary, kGenerateSearchPrompt);
    step(*search, count_up);
    for (int row = 0; row < search->rows(); ++row) {
      std::vector<float> logits = count_up({search->token(row)});
      if (row == 1) logits[0] = std::nanf("");
      search->score(row, logits.data());
    }
    search->advance();
    EXPECT_GE(search->rows(), 3);
    for (int row = 0; row < search->rows(); ++row) EXPECT_NE(search->parent(row), 1);
  }
}

TEST(SearchTest, ItEndsWhereEverythingIsSuppressed) {
  for (GenerationOptions options :
       {generate_search_options_of(1), generate_search_options_of(3), sampling(1)}) {
    for (int32_t id = 0; id < kGenerateSearchVocabulary; ++id)
      options.suppress_tokens.push_back(id);
    const auto search = test::make(options, kGenerateSearchVocabulary, kGenerateSearchPrompt);
    test::run(*search, kGenerateSearchPrompt, count_up);
    ASSERT_EQ(search->results().size(), 1u);
    EXPECT_TRUE(search->results()[0].ids.empty());
    EXPECT_EQ(search->results()[0].finish_reason, FinishReason::kStop);
  }
}

TEST(SearchTest, FewerResultsWhereFewerExist) {
  GenerationOptions options = generate_search_options_of(4, 4);
  options.forced_bos_token_id = 6;
  options.max_new_tokens = 1;
  const auto search = test::make(options, kGenerateSearchVocabulary, Ids{1});
  test::run(*search, Ids{1}, count_up);
  ASSERT_EQ(search->results().size(), 1u);
  EXPECT_EQ(search->results()[0].ids, Ids{6});
  EXPECT_EQ(search->results()[0].score, 0.0f);
}

TEST(SearchTest, AForcedTokenIsCertain) {
  for (GenerationOptions options :
       {generate_search_options_of(1), generate_search_options_of(2), sampling(2)}) {
    options.forced_bos_token_id = 6;
    options.max_new_tokens = 1;
    const auto search = test::make(options, kGenerateSearchVocabulary, Ids{1});
    test::run(*search, Ids{1}, count_up);
    ASSERT_FALSE(search->results().empty());
    EXPECT_EQ(search->results()[0].ids, Ids{6});
    EXPECT_EQ(search->results()[0].score, 0.0f);
  }
}

TEST(SearchTest, MoreBeamsThanTheVocabularyHasTokens) {
  GenerationOptions options = generate_search_options_of(kMaxBeams, kMaxBeams);
  options.max_new_tokens = 3;
  const auto search = test::make(options, kGenerateSearchVocabulary, kGenerateSearchPrompt);
  test::run(*search, kGenerateSearchPrompt, count_up);
  EXPECT_EQ(search->results().size(), static_cast<size_t>(kMaxBeams));
  for (size_t i = 1; i < search->results().size(); ++i) {
    EXPECT_GE(search->results()[i - 1].score, search->results()[i].score);
    EXPECT_NE(search->results()[i - 1].ids, search->results()[i].ids);
  }
}

TEST(SearchTest, PenaltiesAndLongOutputsGoTogether) {
  // Beyond the reserved length every kind of buffer grows.
  constexpr int64_t kLength = Search::kReservedTokens + 300;
  for (GenerationOptions options :
       {generate_search_options_of(1), generate_search_options_of(2), sampling(2)}) {
    options.repetition_penalty = 1.1;
    options.min_new_tokens = kLength;
    const auto search =
        test::make(options, kGenerateSearchVocabulary, kGenerateSearchPrompt, 0, kLength);
    test::run(*search, kGenerateSearchPrompt, count_up);
    EXPECT_EQ(static_cast<int64_t>(search->results()[0].ids.size()), kLength);
  }
}

TEST(SearchTest, ALongSearchAllocatesAtItsBeginningOnly) {
  std::vector<GenerationOptions> kinds{generate_search_options_of(1),
                                       generate_search_options_of(4, 4), sampling(3)};
  kinds.push_back(sampling(3));
  kinds.back().top_k = 5;
  kinds.push_back(sampling(3));
  kinds.back().top_p = 0.6;
  for (GenerationOptions& options : kinds) {
    options.repetition_penalty = 1.2;
    options.no_repeat_ngram_size = 4;
    options.bad_words_ids = {{3, 4}};
    options.min_new_tokens = 20;
    options.max_new_tokens = 100;
    const auto search =
        test::make(options, kGenerateSearchVocabulary, kGenerateSearchPrompt, 0, 100);
    std::vector<std::vector<float>> logits;
    int64_t allocations = 0;
    while (search->rows() > 0) {
      logits.clear();
      for (int row = 0; row < search->rows(); ++row)
        logits.push_back(count_up({search->token(row)}));
      lanewise::test::start_counting();
      for (int row = 0; row < search->rows(); ++row) {
        search->score(row, logits[static_cast<size_t>(row)].data());
      }
      search->advance();
      allocations += lanewise::test::stop_counting();
    }
    EXPECT_EQ(allocations, 0);
    EXPECT_GE(search->results()[0].ids.size(), 19u);
  }
}

}  // namespace
}  // namespace lanewise::generate
