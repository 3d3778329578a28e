#include "runtime/decode/draft.hpp"

#include <gtest/gtest.h>

namespace lanewise::decode {
namespace {

using Ids = std::vector<int32_t>;

Ids proposed(Draft& draft, size_t most = 100) {
  const auto tokens = draft.propose(most);
  return {tokens.begin(), tokens.end()};
}

TEST(Draft, ProposesWhatFollowedTheLastThreeTokens) {
  const Ids text{1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3};
  Draft draft(text);
  EXPECT_EQ(proposed(draft), (Ids{4, 5, 6, 7}));
  EXPECT_EQ(proposed(draft, 2), (Ids{4, 5}));
  EXPECT_TRUE(proposed(draft, 0).empty());
  draft.append(4);
  EXPECT_EQ(proposed(draft), (Ids{5, 6, 7, 8}));
  draft.append(9);
  EXPECT_TRUE(proposed(draft).empty());
}

TEST(Draft, TheLastOccurrenceCounts) {
  const Ids text{1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3};
  Draft draft(text);
  EXPECT_EQ(proposed(draft), (Ids{5, 1, 2, 3}));
}

TEST(Draft, RepeatsWhatIsBeingRepeated) {
  Draft draft(Ids{9, 1, 2, 3, 1, 2, 3, 1});
  EXPECT_EQ(proposed(draft), (Ids{2, 3, 1, 2}));
}

TEST(Draft, HasNothingForAShortText) {
  for (const size_t length : {0, 1, 2, 3}) {
    Draft draft(Ids(length, 7));
    EXPECT_TRUE(proposed(draft).empty()) << length;
  }
  Draft draft(Ids(4, 7));
  EXPECT_FALSE(proposed(draft).empty());
}

TEST(Draft, GrowsWithSuccess) {
  Ids text(100);
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<int32_t>(i % 50);
  Draft draft(text);
  EXPECT_EQ(proposed(draft).size(), 4U);
  draft.learn(4, 4);
  EXPECT_EQ(proposed(draft).size(), 8U);
  draft.learn(8, 3);
  EXPECT_EQ(proposed(draft).size(), 8U);
  draft.learn(8, 8);
  draft.learn(16, 16);
  EXPECT_EQ(proposed(draft).size(), 16U);
}

TEST(Draft, PausesLongerAndLongerAfterWrongOnes) {
  const Ids text{1, 2, 3, 4, 1, 2, 3};
  Draft draft(text);
  for (const int pause : {2, 4, 8, 16, 32, 64, 64}) {
    draft.learn(4, 0);
    for (int i = 0; i < pause; ++i) EXPECT_TRUE(proposed(draft).empty()) << pause << " " << i;
    EXPECT_FALSE(proposed(draft).empty()) << pause;
  }
  draft.learn(4, 1);
  EXPECT_FALSE(proposed(draft).empty());
  draft.learn(4, 0);
  EXPECT_TRUE(proposed(draft).empty());
  EXPECT_TRUE(proposed(draft).empty());
  EXPECT_FALSE(proposed(draft).empty());
}

}  // namespace
}  // namespace lanewise::decode
