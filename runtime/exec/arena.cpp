#include "runtime/exec/arena.hpp"

#include <sys/mman.h>

#include <limits>
#include <new>

namespace lanewise::exec {
namespace {

// Large arenas request huge pages: matrices are walked across rows, a page or more apart, and would
// otherwise miss the TLB at every row.
constexpr int64_t kHugePage = int64_t{2} << 20;
constexpr int64_t kVectorAlignment = 64;
// No machine has this much for one arena. Trying would be harmless, but a sanitizer ends the
// process.
constexpr int64_t kMostBytes = int64_t{1} << 39;

constexpr int64_t round_up(int64_t bytes, int64_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

/// The alignment of an allocation of `bytes`, and of its size.
constexpr int64_t alignment_for(int64_t bytes) {
  return round_up(bytes, kVectorAlignment) >= kHugePage ? kHugePage : kVectorAlignment;
}

void release(std::byte* data, int64_t size) noexcept {
  if (data == nullptr) return;
  ::operator delete (data, std::align_val_t{static_cast<size_t>(alignment_for(size))});
}

}  // namespace

Arena::~Arena() { release(data_, capacity_); }

int64_t Arena::allocated_for(int64_t bytes) noexcept {
  if (bytes > kMostBytes) return std::numeric_limits<int64_t>::max();
  return round_up(bytes, alignment_for(bytes));
}

bool Arena::reserve(int64_t bytes) noexcept {
  if (bytes <= capacity_) return true;
  if (bytes > kMostBytes) return false;
  const auto alignment = static_cast<size_t>(alignment_for(bytes));
  const int64_t size = allocated_for(bytes);
  void* data =
      ::operator new (static_cast<size_t>(size), std::align_val_t{alignment}, std::nothrow);
  if (data == nullptr) return false;
  // Only a hint: a kernel without huge pages rejects it without harm.
  if (alignment == kHugePage) madvise(data, static_cast<size_t>(size), MADV_HUGEPAGE);
  release(data_, capacity_);
  data_ = static_cast<std::byte*>(data);
  capacity_ = size;
  return true;
}

}  // namespace lanewise::exec
