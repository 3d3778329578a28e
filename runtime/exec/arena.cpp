#include "runtime/exec/arena.hpp"

#include <sys/mman.h>

#include <cstdlib>

namespace lanewise::exec {
namespace {

// Large arenas ask for huge pages: matrices are walked across rows, a page or more apart, and
// would otherwise miss the TLB at every row.
constexpr int64_t kHugePage = int64_t{2} << 20;
constexpr int64_t kVectorAlignment = 64;
// No machine has so much for one arena. Asking would be harmless, but a sanitizer ends the process.
constexpr int64_t kMostBytes = int64_t{1} << 39;

}  // namespace

Arena::~Arena() { std::free(data_); }

bool Arena::reserve(int64_t bytes) noexcept {
  if (bytes <= capacity_) return true;
  if (bytes > kMostBytes) return false;
  const int64_t alignment = bytes >= kHugePage ? kHugePage : kVectorAlignment;
  const int64_t size = (bytes + alignment - 1) / alignment * alignment;
  void* data = std::aligned_alloc(static_cast<size_t>(alignment), static_cast<size_t>(size));
  if (data == nullptr) return false;
  // Only a hint: a kernel without huge pages refuses, and nothing is lost.
  if (alignment == kHugePage) madvise(data, static_cast<size_t>(size), MADV_HUGEPAGE);
  std::free(data_);
  data_ = static_cast<std::byte*>(data);
  capacity_ = size;
  return true;
}

}  // namespace lanewise::exec
