// Replaces the program's `new`. In a separate file, because compilers warn about a mismatch if they
// see a replaced `delete` beside a `new` that they did not inline.

#include "tests/model/counting_new.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <new>

namespace {

using lanewise::test::Failing;

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

std::atomic<bool> counting{false};
std::atomic<int64_t> allocations{0};
std::atomic<int64_t> live{0};
std::atomic<int64_t> left{kNever};  // allocations until one fails
std::atomic<bool> failing_on{false};
std::atomic<bool> failed{false};
std::atomic<bool> thrown{false};

/// Each block is preceded by its size, padded to keep the block aligned.
constexpr size_t kLeastAlignment =
    std::max<size_t>(__STDCPP_DEFAULT_NEW_ALIGNMENT__, sizeof(size_t));

bool must_fail() noexcept {
  if (left.load(std::memory_order_relaxed) == kNever) return false;
  const int64_t now = left.fetch_sub(1) - 1;
  if (now > 0 || (now < 0 && !failing_on.load())) return false;
  failed.store(true);
  return true;
}

void* allocate_or_null(size_t bytes, size_t alignment, bool may_throw) noexcept {
  if (counting.load(std::memory_order_relaxed)) allocations.fetch_add(1);
  if (must_fail()) {
    if (may_throw) thrown.store(true);
    return nullptr;
  }
  const size_t before = std::max(alignment, kLeastAlignment);
  // aligned_alloc requires a multiple of the alignment; rounding up must not wrap around.
  const size_t size = (bytes + 2 * before - 1) / before * before;
  if (size < bytes) return nullptr;
  auto* memory = static_cast<std::byte*>(std::aligned_alloc(before, size));
  if (memory == nullptr) return nullptr;
  live.fetch_add(static_cast<int64_t>(bytes), std::memory_order_relaxed);
  std::byte* block = memory + before;
  *reinterpret_cast<size_t*>(block - sizeof(size_t)) = bytes;
  return block;
}

void* allocate(size_t bytes, size_t alignment) {
  void* memory = allocate_or_null(bytes, alignment, true);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void release(void* block, size_t alignment) noexcept {
  if (block == nullptr) return;
  auto* bytes = static_cast<std::byte*>(block);
  const size_t size = *reinterpret_cast<size_t*>(bytes - sizeof(size_t));
  live.fetch_sub(static_cast<int64_t>(size), std::memory_order_relaxed);
  std::free(bytes - std::max(alignment, kLeastAlignment));
}

constexpr size_t number(std::align_val_t alignment) { return static_cast<size_t>(alignment); }

}  // namespace

namespace lanewise::test {

void start_counting() {
  allocations = 0;
  counting = true;
}

int64_t stop_counting() {
  counting = false;
  return allocations;
}

int64_t live_bytes() { return live; }

void start_failing(int64_t number, Failing failing) {
  failed = thrown = false;
  failing_on = failing == Failing::kFrom;
  left = number;
}

Failed stop_failing() {
  left = kNever;
  if (!failed) return Failed::kNone;
  return thrown ? Failed::kThrown : Failed::kNull;
}

}  // namespace lanewise::test

// All forms, or the address sanitizer's own would be used for arrays.
void* operator new(size_t bytes) { return allocate(bytes, 1); }
void* operator new[](size_t bytes) { return allocate(bytes, 1); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  return allocate_or_null(bytes, 1, false);
}
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept {
  return allocate_or_null(bytes, 1, false);
}
void* operator new(size_t bytes, std::align_val_t alignment) {
  return allocate(bytes, number(alignment));
}
void* operator new[](size_t bytes, std::align_val_t alignment) {
  return allocate(bytes, number(alignment));
}
void* operator new(size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate_or_null(bytes, number(alignment), false);
}
void* operator new[](size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate_or_null(bytes, number(alignment), false);
}
void operator delete(void* memory) noexcept { release(memory, 1); }
void operator delete[](void* memory) noexcept { release(memory, 1); }
void operator delete(void* memory, size_t) noexcept { release(memory, 1); }
void operator delete[](void* memory, size_t) noexcept { release(memory, 1); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { release(memory, 1); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { release(memory, 1); }
void operator delete(void* memory, std::align_val_t alignment) noexcept {
  release(memory, number(alignment));
}
void operator delete[](void* memory, std::align_val_t alignment) noexcept {
  release(memory, number(alignment));
}
void operator delete(void* memory, size_t, std::align_val_t alignment) noexcept {
  release(memory, number(alignment));
}
void operator delete[](void* memory, size_t, std::align_val_t alignment) noexcept {
  release(memory, number(alignment));
}
void operator delete(void* memory, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  release(memory, number(alignment));
}
void operator delete[](void* memory, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  release(memory, number(alignment));
}
