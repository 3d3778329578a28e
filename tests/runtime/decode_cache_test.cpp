#include "runtime/decode/cache.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

#include "ops/attention/kv_page.hpp"

namespace lanewise::decode {
namespace {

TEST(SlotPool, KeepsWhatItHoldsWhenItGrows) {
  const int64_t features[] = {3, 20};
  SlotPool pool(features);
  SlotPool::Slots slots;
  ASSERT_TRUE(pool.reserve(2).ok());
  for (int i = 0; i < 2; ++i) pool.append(slots);
  for (size_t layer = 0; layer < pool.layers(); ++layer) {
    for (const int32_t slot : slots) {
      std::fill_n(pool.layer(layer) + slot * pool.stride(layer), features[layer],
                  static_cast<float>(10 * layer) + static_cast<float>(slot));
    }
  }
  ASSERT_TRUE(pool.reserve(1000).ok());
  EXPECT_GE(pool.free_slots(), 1000);
  for (size_t layer = 0; layer < pool.layers(); ++layer) {
    for (const int32_t slot : slots) {
      const float* row = pool.layer(layer) + slot * pool.stride(layer);
      EXPECT_EQ(std::count(row, row + features[layer],
                           static_cast<float>(10 * layer) + static_cast<float>(slot)),
                features[layer]);
    }
  }
}

TEST(SlotPool, ASlotIsFreeWhenNobodyHasIt) {
  const int64_t features[] = {1};
  SlotPool pool(features);
  ASSERT_TRUE(pool.reserve(3).ok());
  const int64_t all = pool.free_slots();
  SlotPool::Slots first, second;
  pool.append(first);
  pool.append(first);
  pool.share(first, second);
  pool.append(second);
  EXPECT_EQ(pool.free_slots(), all - 3);
  pool.release(first);
  EXPECT_TRUE(first.empty());
  EXPECT_EQ(pool.free_slots(), all - 1 - 2);
  pool.truncate(second, 1);
  EXPECT_EQ(pool.free_slots(), all - 1);
  pool.release(second);
  EXPECT_EQ(pool.free_slots(), all);
}

TEST(SlotPool, RefusesWhatNoMemoryHolds) {
  const int64_t features[] = {1};
  SlotPool pool(features);
  EXPECT_EQ(pool.reserve(int64_t{1} << 40).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(pool.capacity(), 0);
  EXPECT_TRUE(pool.reserve(1).ok());
}

TEST(PagePool, PagesKeepTheirPlaceWhenItGrows) {
  PagePool pool(16);
  std::vector<int32_t> pages;
  ASSERT_TRUE(pool.take(3, pages).ok());
  std::vector<float*> places;
  for (const int32_t page : pages) {
    places.push_back(pool.data(page));
    std::fill_n(pool.data(page), 16, static_cast<float>(page));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(pool.data(page)) % 64, 0U);
  }
  const int64_t before = pool.pages();
  ASSERT_TRUE(pool.take(before + 5, pages).ok());
  EXPECT_GT(pool.pages(), before);
  std::set<float*> distinct;
  for (const int32_t page : pages) distinct.insert(pool.data(page));
  EXPECT_EQ(distinct.size(), pages.size());
  for (size_t i = 0; i < places.size(); ++i) {
    EXPECT_EQ(pool.data(pages[i]), places[i]);
    EXPECT_EQ(std::count(places[i], places[i] + 16, static_cast<float>(pages[i])), 16);
  }
}

TEST(PagePool, TakesNothingBeyondItsLimit) {
  PagePool pool(1 << 20);  // a slab of one page
  pool.set_limit(3 * pool.page_bytes() + 7);
  EXPECT_EQ(pool.most_pages(), 3);
  std::vector<int32_t> pages;
  EXPECT_EQ(pool.take(4, pages).code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(pages.empty());
  ASSERT_TRUE(pool.take(3, pages).ok());
  EXPECT_EQ(pool.take(1, pages).code(), StatusCode::kResourceExhausted);
  pool.release(pages.back());
  pages.pop_back();
  EXPECT_TRUE(pool.take(1, pages).ok());
}

TEST(PagePool, RefusesWhatNoMemoryHolds) {
  PagePool pool(int64_t{1} << 55);
  std::vector<int32_t> pages;
  EXPECT_EQ(pool.take(1, pages).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(pool.pages(), 0);
}

/// Pages of 32 floats in two layers, and states of 3.
class CacheTest : public ::testing::Test {
 protected:
  static std::vector<CacheLayer> layers() { return {{true, 16}, {false, 3}, {true, 16}}; }

  /// The first float of the page of a token, in the first layer.
  static float& mark(const Cache::Sequence& sequence, size_t token) {
    return *sequence.data[token / ops::kPageTokens];
  }

  int64_t pages_in_use() const { return cache_.pages().pages() - cache_.pages().free_pages(); }

  Cache cache_{layers()};
};

TEST_F(CacheTest, KnowsWhereALayerIs) {
  EXPECT_EQ(cache_.layer(0).data, nullptr);
  EXPECT_EQ(cache_.layer(0).stride, 0);
  EXPECT_EQ(cache_.layer(2).data, nullptr);
  EXPECT_EQ(cache_.layer(2).stride, 16);
  Cache::Sequence sequence;
  ASSERT_TRUE(cache_.append(sequence, 1).ok());
  EXPECT_NE(cache_.layer(1).data, nullptr);
  EXPECT_GE(cache_.layer(1).stride, 3);
  cache_.release(sequence);
}

TEST_F(CacheTest, TakesAPageForEverySixteenTokens) {
  Cache::Sequence sequence;
  for (const int64_t count : {1, 15, 1, 40, 7, 1}) {
    ASSERT_TRUE(cache_.append(sequence, count).ok());
    EXPECT_EQ(static_cast<int64_t>(sequence.pages.size()), ops::pages_for(sequence.tokens));
    EXPECT_EQ(sequence.slots.size(), static_cast<size_t>(sequence.tokens));
  }
  cache_.truncate(sequence, 16);
  EXPECT_EQ(sequence.pages.size(), 1U);
  EXPECT_EQ(sequence.slots.size(), 16U);
  cache_.release(sequence);
  EXPECT_EQ(pages_in_use(), 0);
}

TEST_F(CacheTest, WhoeverAppendsToASharedPageGetsACopy) {
  Cache::Sequence first, second;
  ASSERT_TRUE(cache_.append(first, 20).ok());
  mark(first, 0) = 1;
  mark(first, 19) = 2;
  cache_.share(first, second);
  EXPECT_EQ(pages_in_use(), 2);
  ASSERT_TRUE(cache_.append(second, 1).ok());
  EXPECT_EQ(pages_in_use(), 3);
  EXPECT_EQ(first.data[0], second.data[0]);
  ASSERT_NE(first.data[1], second.data[1]);
  EXPECT_EQ(mark(second, 19), 2);
  mark(second, 20) = 3;
  EXPECT_EQ(mark(first, 19), 2);
  // Nobody else holds the page any more.
  const float* own = first.data[1];
  ASSERT_TRUE(cache_.append(first, 1).ok());
  EXPECT_EQ(first.data[1], own);
  cache_.release(first);
  EXPECT_EQ(pages_in_use(), 2);
  cache_.release(second);
  EXPECT_EQ(pages_in_use(), 0);
}

TEST_F(CacheTest, AFullPageIsNeverCopied) {
  Cache::Sequence first, second;
  ASSERT_TRUE(cache_.append(first, 16).ok());
  cache_.share(first, second);
  ASSERT_TRUE(cache_.append(second, 1).ok());
  EXPECT_EQ(first.data[0], second.data[0]);
  EXPECT_EQ(pages_in_use(), 2);
  cache_.release(first);
  cache_.release(second);
}

TEST_F(CacheTest, AFullCacheLeavesASequenceAsItWas) {
  const std::vector<CacheLayer> pages = {{true, 1 << 20}};
  Cache cache(pages);
  cache.set_limit(2 * cache.pages().page_bytes());
  Cache::Sequence sequence, other;
  ASSERT_TRUE(cache.append(sequence, 17).ok());
  EXPECT_EQ(cache.append(sequence, 16).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(sequence.tokens, 17);
  EXPECT_EQ(sequence.pages.size(), 2U);
  cache.share(sequence, other);
  EXPECT_EQ(cache.append(other, 1).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(other.tokens, 17);
  EXPECT_EQ(other.data, sequence.data);
  cache.release(other);
  EXPECT_TRUE(cache.append(sequence, 1).ok());
  cache.release(sequence);
}

std::vector<int32_t> tokens(size_t count, int32_t first) {
  std::vector<int32_t> ids(count);
  std::iota(ids.begin(), ids.end(), first);
  return ids;
}

/// Pages of one layer, some of which are kept.
class CacheReuseTest : public ::testing::Test {
 protected:
  CacheReuseTest() { cache_.keep(4); }

  /// Computes a sequence of these tokens, publishes and releases it.
  void pass(const std::vector<int32_t>& ids) {
    Cache::Sequence sequence;
    ASSERT_TRUE(cache_.append(sequence, static_cast<int64_t>(ids.size())).ok());
    for (size_t i = 0; i < sequence.data.size(); ++i) {
      *sequence.data[i] = static_cast<float>(ids[i * ops::kPageTokens]);
    }
    cache_.publish(ids, sequence);
    cache_.release(sequence);
  }

  int64_t reused(const std::vector<int32_t>& ids) {
    Cache::Sequence sequence;
    const int64_t count = cache_.reuse(ids, sequence);
    EXPECT_EQ(count, sequence.tokens);
    EXPECT_EQ(static_cast<int64_t>(sequence.pages.size()) * ops::kPageTokens, count);
    for (size_t i = 0; i < sequence.data.size(); ++i) {
      EXPECT_EQ(*sequence.data[i], static_cast<float>(ids[i * ops::kPageTokens]));
    }
    cache_.release(sequence);
    return count;
  }

  int64_t pages_in_use() const { return cache_.pages().pages() - cache_.pages().free_pages(); }

  const std::vector<CacheLayer> layers_ = {{true, 16}};
  Cache cache_{layers_};
};

TEST_F(CacheReuseTest, FindsFullPagesOfTheSameBeginning) {
  pass(tokens(40, 0));
  EXPECT_EQ(pages_in_use(), 2);
  EXPECT_EQ(reused(tokens(40, 0)), 32);
  EXPECT_EQ(reused(tokens(1000, 0)), 32);
  EXPECT_EQ(reused(tokens(33, 0)), 32);
  EXPECT_EQ(reused(tokens(32, 0)), 16) << "the last token has to be computed";
  EXPECT_EQ(reused(tokens(15, 0)), 0);
  EXPECT_EQ(reused(tokens(40, 1)), 0);
  std::vector<int32_t> other = tokens(40, 0);
  other[20] = 7;
  EXPECT_EQ(reused(other), 16);
  // The same tokens behind another page.
  std::vector<int32_t> shifted = tokens(16, 100);
  const auto again = tokens(16, 16);
  shifted.insert(shifted.end(), again.begin(), again.end());
  shifted.push_back(1);
  EXPECT_EQ(reused(shifted), 0);
}

TEST_F(CacheReuseTest, KeepsThePagesThatWereUsedLast) {
  pass(tokens(33, 0));
  pass(tokens(33, 100));
  EXPECT_EQ(reused(tokens(33, 0)), 32);
  pass(tokens(33, 200));
  EXPECT_EQ(pages_in_use(), 4);
  EXPECT_EQ(reused(tokens(33, 0)), 32);
  EXPECT_EQ(reused(tokens(33, 100)), 0);
  EXPECT_EQ(reused(tokens(33, 200)), 32);
  // The end of a sequence goes first.
  pass(tokens(17, 300));
  EXPECT_EQ(reused(tokens(33, 0)), 16);
}

TEST_F(CacheReuseTest, KeptPagesGiveWayToNewOnes) {
  const std::vector<CacheLayer> large = {{true, 1 << 20}};
  Cache cache(large);
  cache.set_limit(3 * cache.pages().page_bytes());
  cache.keep(100);
  Cache::Sequence first, second;
  const auto ids = tokens(33, 0);
  ASSERT_TRUE(cache.append(first, 33).ok());
  cache.publish(ids, first);
  cache.release(first);
  ASSERT_TRUE(cache.append(second, 48).ok()) << "two kept pages, one free";
  EXPECT_EQ(cache.reuse(ids, first), 0);
  cache.release(second);
}

TEST_F(CacheReuseTest, WithoutPagesToKeepNothingIsKept) {
  cache_.keep(0);
  pass(tokens(40, 0));
  EXPECT_EQ(pages_in_use(), 0);
  EXPECT_EQ(reused(tokens(40, 0)), 0);
}

}  // namespace
}  // namespace lanewise::decode
