// A run allocates nothing once the largest batch was seen: this program counts its own `new`.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/model/golden.hpp"

namespace {

std::atomic<bool> counting{false};
std::atomic<int64_t> allocations{0};

void* allocate_or_null(size_t bytes) noexcept {
  if (counting.load(std::memory_order_relaxed)) allocations.fetch_add(1);
  return std::malloc(bytes == 0 ? 1 : bytes);
}

void* allocate(size_t bytes) {
  void* memory = allocate_or_null(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(size_t bytes) { return allocate(bytes); }
void* operator new[](size_t bytes) { return allocate(bytes); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return allocate_or_null(bytes); }
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept {
  return allocate_or_null(bytes);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

namespace lanewise {
namespace {

class ModelAllocationTest : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Threads, ModelAllocationTest, ::testing::Values(1, 2));

int64_t count_allocations(Session& session, const RaggedBatch& batch) {
  allocations = 0;
  counting = true;
  const Status status = session.run_ragged(batch);
  counting = false;
  EXPECT_TRUE(status.ok()) << status.message();
  return allocations;
}

TEST_P(ModelAllocationTest, RunsAllocateNothingAfterWarmUp) {
  Session session =
      test::make_session(test::minilm(), {.threads = GetParam(), .isa = "", .outputs = {}});
  const std::vector<int32_t> ids(400, 1000);
  const std::vector<int32_t> large{300, 20, 80};
  const std::vector<int32_t> small{7, 5};
  const RaggedBatch large_batch{ids, {}, large};
  const RaggedBatch small_batch{std::span(ids).first(12), {}, small};
  EXPECT_GT(count_allocations(session, large_batch), 0) << "the counter does not count";
  EXPECT_EQ(count_allocations(session, large_batch), 0);
  EXPECT_EQ(count_allocations(session, small_batch), 0);
  EXPECT_EQ(count_allocations(session, large_batch), 0);
}

}  // namespace
}  // namespace lanewise
