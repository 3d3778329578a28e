#include "runtime/tasks/scores.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace lanewise::tasks {
namespace {

constexpr float kTasksScoresNan = std::numeric_limits<float>::quiet_NaN();

TEST(Scores, Softmax) {
  const std::vector<float> logits = {1.0F, 3.0F, -2.0F};
  const std::vector<float> scores = scores_of(logits, ScoreFunction::kSoftmax);
  const double sum = std::exp(1.0) + std::exp(3.0) + std::exp(-2.0);
  for (size_t i = 0; i < logits.size(); ++i) {
    EXPECT_NEAR(scores[i], std::exp(static_cast<double>(logits[i])) / sum, 1e-7);
  }
}

TEST(Scores, SoftmaxOfLargeLogitsIsFinite) {
  const std::vector<float> scores =
      scores_of(std::vector<float>{1000.0F, 1000.0F, -1000.0F}, ScoreFunction::kSoftmax);
  EXPECT_EQ(scores, (std::vector<float>{0.5F, 0.5F, 0.0F}));
}

TEST(Scores, SigmoidAndNone) {
  const std::vector<float> logits = {0.0F, 2.0F, -200.0F};
  const std::vector<float> scores = scores_of(logits, ScoreFunction::kSigmoid);
  EXPECT_EQ(scores[0], 0.5F);
  EXPECT_NEAR(scores[1], 0.8807970779, 1e-7);
  EXPECT_NEAR(scores[2], 0, 1e-30);
  EXPECT_EQ(scores_of(logits, ScoreFunction::kNone), logits);
}

TEST(Scores, NoLogitsHaveNoScores) { EXPECT_TRUE(scores_of({}, ScoreFunction::kSoftmax).empty()); }

TEST(Scores, LargestAreInOrder) {
  const std::vector<float> values = {1.0F, 5.0F, kTasksScoresNan, 5.0F, 2.0F};
  EXPECT_EQ(largest(values, 3), (std::vector<size_t>{1, 3, 4}));
  EXPECT_EQ(largest(values, 9), (std::vector<size_t>{1, 3, 4, 0, 2}));
  EXPECT_TRUE(largest({}, 2).empty());
}

}  // namespace
}  // namespace lanewise::tasks
