// The rules of Transformers' token-classification pipeline, aggregation_strategy="simple".

#include "runtime/tasks/entities.hpp"

#include <gtest/gtest.h>

namespace lanewise::tasks {
namespace {

/// Entities of tokens with these labels, each 2 bytes long; token i has the score i + 1.
std::string entities(const std::vector<std::string>& labels) {
  std::vector<TokenLabel> tokens;
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto begin = static_cast<int32_t>(2 * i);
    tokens.push_back({&labels[i], static_cast<float>(i + 1), begin, begin + 2});
  }
  std::string text;
  for (const Entity& entity : entities_of(tokens)) {
    text += entity.label + " " + std::to_string(entity.begin) + "-" + std::to_string(entity.end) +
            " " + std::to_string(static_cast<int>(10 * entity.score)) + ", ";
  }
  return text;
}

TEST(Entities, NeighboursWithOneLabelAreOneEntity) {
  EXPECT_EQ(entities({"B-PER", "I-PER", "O", "I-LOC", "I-LOC", "I-LOC"}),
            "PER 0-4 15, LOC 6-12 50, ");
  EXPECT_EQ(entities({"O", "O"}), "");
  EXPECT_EQ(entities({}), "");
}

TEST(Entities, BBeginsAnother) {
  EXPECT_EQ(entities({"B-PER", "B-PER", "I-PER"}), "PER 0-2 10, PER 2-6 25, ");
  EXPECT_EQ(entities({"I-PER", "I-LOC", "B-LOC"}), "PER 0-2 10, LOC 2-4 20, LOC 4-6 30, ");
}

TEST(Entities, LabelsWithoutPrefixContinue) {
  EXPECT_EQ(entities({"PER", "PER", "I-PER"}), "PER 0-6 20, ");
}

TEST(Entities, ALabelIsNamedByWhatFollowsItsFirstDash) {
  EXPECT_EQ(entities({"X-Y-Z", "X-Y-Z", "B-Y-Z"}), "Y-Z 0-4 15, Y-Z 4-6 30, ");
  EXPECT_EQ(entities({"X-O"}), "");
}

}  // namespace
}  // namespace lanewise::tasks
