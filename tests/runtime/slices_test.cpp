#include "runtime/exec/slices.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

namespace lanewise::exec {
namespace {

constexpr auto kTokens = static_cast<size_t>(graph::RowSymbol::kTargetTokens);
constexpr auto kSequences = static_cast<size_t>(graph::RowSymbol::kSequences);
constexpr auto kMemoryTokens = static_cast<size_t>(graph::RowSymbol::kSourceTokens);

/// Sequences of tokens, each with a memory three times its length.
struct Batch {
  explicit Batch(const std::vector<int32_t>& lengths) : tokens{0}, memory{0} {
    for (const int32_t length : lengths) {
      tokens.push_back(tokens.back() + length);
      memory.push_back(memory.back() + 3 * length);
    }
    const auto sequences = static_cast<int64_t>(lengths.size());
    binding.rows[kTokens] = tokens.back();
    binding.rows[kSequences] = sequences;
    binding.rows[kMemoryTokens] = memory.back();
    binding.ragged[kTokens] = {tokens.data(), sequences};
    binding.ragged[kMemoryTokens] = {memory.data(), sequences};
  }
  std::vector<int32_t> tokens;
  std::vector<int32_t> memory;
  BatchBinding binding;
};

std::vector<int32_t> random_lengths(uint32_t seed, size_t count, int32_t most) {
  std::mt19937 random(seed);
  std::vector<int32_t> lengths(count);
  for (int32_t& length : lengths) length = 1 + static_cast<int32_t>(random()) % most;
  for (int32_t& length : lengths) length = std::max(length, 1);
  return lengths;
}

/// Expects the slices of `batch`, in order of their sequences, to add up to the batch.
void expect_whole(const Batch& batch, const Slices& slices) {
  std::vector<Slice> ordered;
  for (size_t i = 0; i < slices.size(); ++i) ordered.push_back(slices[i]);
  std::sort(ordered.begin(), ordered.end(), [](const Slice& a, const Slice& b) {
    return a.first[kSequences] < b.first[kSequences];
  });
  plan::RowCounts next{};
  for (const Slice& slice : ordered) {
    EXPECT_EQ(slice.first, next);
    EXPECT_GE(slice.rows[kSequences], 1);
    for (const size_t symbol : {kTokens, kMemoryTokens}) {
      const ops::RaggedRows& ragged = slice.ragged[symbol];
      ASSERT_EQ(ragged.sequences, slice.rows[kSequences]);
      EXPECT_EQ(ragged.offsets[ragged.sequences], slice.rows[symbol]);
      const int32_t* whole = batch.binding.ragged[symbol].offsets + slice.first[kSequences];
      for (int64_t s = 0; s <= ragged.sequences; ++s) {
        EXPECT_EQ(ragged.offsets[s] + slice.first[symbol], whole[s]);
      }
    }
    for (size_t i = 0; i < next.size(); ++i) next[i] += slice.rows[i];
  }
  EXPECT_EQ(next, batch.binding.rows);
}

TEST(Slices, TogetherAreTheBatch) {
  Slices slices;
  int used = 0;
  for (uint32_t seed = 0; seed < 200; ++seed) {
    const Batch batch(random_lengths(seed, 2 + seed % 60, 120));
    slices.cut(batch.binding, 100, 1 + static_cast<int>(seed % 4));
    if (slices.empty()) continue;
    ++used;
    expect_whole(batch, slices);
  }
  EXPECT_GE(used, 50);
}

TEST(Slices, AreAboutAsLargeAsAskedFor) {
  const Batch batch(std::vector<int32_t>(100, 20));
  Slices slices;
  slices.cut(batch.binding, 4 * 100, 2);  // the memory's tokens count too
  ASSERT_EQ(slices.size(), 20u);
  EXPECT_EQ(slices.most_rows()[kTokens], 100);
  EXPECT_EQ(slices.most_rows()[kSequences], 5);
}

TEST(Slices, KeepAllThreadsBusyOrAreNotUsed) {
  Slices slices;
  for (uint32_t seed = 0; seed < 200; ++seed) {
    const int threads = 2 + static_cast<int>(seed % 7);
    const Batch batch(random_lengths(seed, 64, 100));
    slices.cut(batch.binding, 100, threads);
    std::vector<int64_t> clocks(static_cast<size_t>(threads));
    for (size_t i = 0; i < slices.size(); ++i) {
      *std::min_element(clocks.begin(), clocks.end()) += slices[i].rows[kTokens];
    }
    const auto end = *std::max_element(clocks.begin(), clocks.end());
    EXPECT_LE(static_cast<double>(end * threads),
              1.1 * static_cast<double>(batch.binding.rows[kTokens]));
  }
}

TEST(Slices, LeaveToTheTeamWhatTheyCannotShareEvenly) {
  Slices slices;
  slices.cut(Batch({512}).binding, 4 * 100, 1);
  EXPECT_TRUE(slices.empty()) << "one sequence";
  slices.cut(Batch({60, 60, 60}).binding, 4 * 100, 1);
  EXPECT_TRUE(slices.empty()) << "hardly more than a slice";
  slices.cut(Batch({900, 60, 60}).binding, 4 * 100, 2);
  EXPECT_TRUE(slices.empty()) << "one thread would do nearly all";
  slices.cut(Batch(std::vector<int32_t>(8, 128)).binding, 4 * 100, 16);
  EXPECT_TRUE(slices.empty()) << "fewer sequences than threads";
  slices.cut(Batch(std::vector<int32_t>(8, 128)).binding, 4 * 100, 2);
  EXPECT_FALSE(slices.empty());
}

}  // namespace
}  // namespace lanewise::exec
