// The rules of Transformers 4.57's question-answering pipeline.

#include "runtime/tasks/answer_spans.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace lanewise::tasks {
namespace {

using text::TokenRole;

constexpr std::string_view kContext = "Ada ada ADA went home";

/// [CLS] question [SEP] Ad ##a a ##da ADA went home [SEP]
text::PairWindow window() {
  text::PairWindow window;
  window.tokens = {{100, 0, 0, TokenRole::kSpecial},
                   {1, 0, 3},
                   {101, 0, 0, TokenRole::kSpecial},
                   {2, 0, 2},
                   {3, 2, 3, TokenRole::kWithinWord},
                   {4, 4, 5},
                   {5, 5, 7, TokenRole::kWithinWord},
                   {6, 8, 11},
                   {7, 12, 16},
                   {8, 17, 21},
                   {101, 0, 0, TokenRole::kSpecial}};
  window.type_ids = {0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1};
  window.second_begin = 3;
  window.second_end = 10;
  return window;
}

std::vector<float> logits(std::initializer_list<std::pair<size_t, float>> values) {
  std::vector<float> all(11, 0.0F);
  for (const auto& [index, value] : values) all[index] = value;
  return all;
}

TEST(AnswerSpans, ScoresAreProductsOfProbabilities) {
  // The question and [SEP] do not count, however large they are; [CLS] does in the sums.
  const std::vector<float> starts = logits({{0, 1.0F}, {1, 50.0F}, {8, 3.0F}});
  const std::vector<float> ends = logits({{2, 50.0F}, {9, 2.0F}});
  const std::vector<AnswerSpan> spans = best_spans(window(), starts, ends);
  ASSERT_EQ(spans.size(), 12U);
  EXPECT_EQ(spans[0].first, 8U);
  EXPECT_EQ(spans[0].last, 9U);
  const double start = std::exp(3.0) / (std::exp(3.0) + std::exp(1.0) + 6);
  const double end = std::exp(2.0) / (std::exp(2.0) + 1 + 6);
  EXPECT_NEAR(spans[0].score, start * end, 1e-12);
  for (size_t i = 1; i < spans.size(); ++i) EXPECT_LE(spans[i].score, spans[i - 1].score);
}

TEST(AnswerSpans, AnEndIsNotBeforeItsStart) {
  const std::vector<AnswerSpan> spans =
      best_spans(window(), logits({{9, 9.0F}}), logits({{3, 9.0F}}));
  for (const AnswerSpan& span : spans) {
    EXPECT_LE(span.first, span.last);
    EXPECT_GE(span.first, 3U);
    EXPECT_LT(span.last, 10U);
  }
}

TEST(AnswerSpans, AnAnswerHasAtMost15Tokens) {
  text::PairWindow window;
  for (int32_t i = 0; i < 40; ++i) window.tokens.push_back({i, 2 * i, 2 * i + 1});
  window.second_end = 40;
  std::vector<float> starts(40, 0.0F);
  std::vector<float> ends(40, 0.0F);
  starts[3] = 20;
  ends[18] = 20;  // 16 tokens
  ends[17] = 10;
  const AnswerSpan best = best_spans(window, starts, ends).front();
  EXPECT_EQ(best.first, 3U);
  EXPECT_EQ(best.last, 17U);
}

TEST(AnswerList, AnswersAreWholeWords) {
  AnswerList list(kContext);
  list.add(window(), {4, 5, 0.25});
  EXPECT_EQ(list.best().text, "Ada ada");
  EXPECT_EQ(list.best().begin, 0);
  EXPECT_EQ(list.best().end, 7);
  EXPECT_EQ(list.best().score, 0.25F);
}

TEST(AnswerList, ScoresOfEqualAnswersAreAdded) {
  AnswerList list(kContext);
  list.add(window(), {9, 9, 0.3});
  list.add(window(), {5, 6, 0.2});
  list.add(window(), {3, 3, 0.1});
  list.add(window(), {7, 7, 0.125});
  EXPECT_EQ(list.best().text, "ada");
  EXPECT_EQ(list.best().begin, 4);
  EXPECT_FLOAT_EQ(list.best().score, 0.425F);
}

TEST(AnswerList, TheFirstOfEquallyGoodAnswersCounts) {
  AnswerList list(kContext);
  list.add(window(), {8, 8, 0.5});
  list.add(window(), {9, 9, 0.5});
  EXPECT_EQ(list.best().text, "went");
}

TEST(AnswerList, WithoutAnswersThereIsAnEmptyOne) {
  const Answer none = AnswerList(kContext).best();
  EXPECT_EQ(none.text, "");
  EXPECT_EQ(none.score, 0.0F);
}

}  // namespace
}  // namespace lanewise::tasks
