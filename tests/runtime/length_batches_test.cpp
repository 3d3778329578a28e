#include "runtime/exec/length_batches.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace lanewise::exec {
namespace {

LengthBatches cut(const std::vector<int32_t>& lengths, int64_t most_tokens) {
  LengthBatches batches;
  cut_by_length(lengths, {.tokens = most_tokens}, batches);
  return batches;
}

TEST(LengthBatches, NothingGivesNoBatch) {
  const LengthBatches batches = cut({}, 100);
  EXPECT_TRUE(batches.order.empty());
  EXPECT_TRUE(batches.batches.empty());
}

TEST(LengthBatches, LongestFirstAndEqualOnesAsTheyCame) {
  EXPECT_EQ(cut({3, 7, 3, 9, 7}, 100).order, (std::vector<int32_t>{3, 1, 4, 0, 2}));
}

TEST(LengthBatches, ALongSequenceIsABatchOfItsOwn) {
  const LengthBatches batches = cut({5, 500, 5}, 10);
  ASSERT_EQ(batches.batches.size(), 2u);
  EXPECT_EQ(batches.batches[0].tokens, 500);
  EXPECT_EQ(batches.batches[1].tokens, 10);
}

TEST(LengthBatches, EverySequenceIsInOneBatchThatKeepsTheLimit) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<int32_t> lengths(random() % 50);
    for (int32_t& length : lengths) length = static_cast<int32_t>(1 + random() % 60);
    const LengthBatches batches = cut(lengths, 64);
    std::vector<int32_t> sorted = batches.order;
    std::sort(sorted.begin(), sorted.end());
    for (size_t i = 0; i < sorted.size(); ++i) ASSERT_EQ(sorted[i], static_cast<int32_t>(i));
    size_t next = 0;
    for (const LengthBatch& batch : batches.batches) {
      ASSERT_EQ(batch.begin, next);
      ASSERT_LT(batch.begin, batch.end);
      ASSERT_LE(batch.tokens, 64);
      int64_t tokens = 0;
      for (size_t i = batch.begin; i < batch.end; ++i) {
        tokens += lengths[static_cast<size_t>(batches.order[i])];
      }
      ASSERT_EQ(batch.tokens, tokens);
      next = batch.end;
    }
    ASSERT_EQ(next, lengths.size());
  }
}

TEST(LengthBatches, OfTheirPublicCallKeepToBothLimits) {
  const std::vector<int32_t> lengths = {3, 7, 3, 9, 7};
  const Result<LengthBatches> batches = batch_by_length(lengths, {.tokens = 16, .sequences = 2});
  ASSERT_TRUE(batches.ok()) << batches.status().message();
  EXPECT_EQ(batches->order, (std::vector<int32_t>{3, 1, 4, 0, 2}));
  std::vector<size_t> ends;
  for (const LengthBatch& batch : batches->batches) ends.push_back(batch.end);
  EXPECT_EQ(ends, (std::vector<size_t>{2, 4, 5}));
}

TEST(LengthBatches, OfTheirPublicCallRefuseWhatIsNoLength) {
  const auto code = [](const std::vector<int32_t>& lengths, const BatchLimits& limits) {
    return batch_by_length(lengths, limits).status().code();
  };
  EXPECT_EQ(code({1, 0}, {.tokens = 8}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({1}, {.tokens = 0}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({1}, {.tokens = 8, .sequences = 0}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({}, {.tokens = 8}), StatusCode::kOk);
}

}  // namespace
}  // namespace lanewise::exec
