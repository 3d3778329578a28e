#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#include "lanewise/status.hpp"

namespace lanewise::decode {

/// Pages of equal size, each of which several sequences may hold. Nothing moves when the pool
/// grows.
class PagePool {
 public:
  /// floats  of a page, a multiple of 16: pages are aligned to 64 bytes
  explicit PagePool(int64_t floats);

  /// The most bytes that the pool may allocate. Before the first page is taken.
  void set_limit(int64_t bytes) noexcept;
  int64_t page_bytes() const noexcept { return floats_ * static_cast<int64_t>(sizeof(float)); }

  /// Allocates until there are `pages`. kResourceExhausted as take().
  Status reserve(int64_t pages);
  /// Bytes that reserve() allocates in an empty pool; INT64_MAX if no machine has that much.
  int64_t memory_bytes(int64_t pages) const noexcept;

  /// Takes `count` free pages with one holder each, appended to `pages`. kResourceExhausted, with
  /// nothing taken, if the limit is reached or the system has no memory.
  Status take(int64_t count, std::vector<int32_t>& pages);
  void hold(int32_t page) noexcept { ++uses_[static_cast<size_t>(page)]; }
  bool is_shared(int32_t page) const noexcept { return uses_[static_cast<size_t>(page)] > 1; }
  /// Takes one holder from a page, which is free without any.
  void release(int32_t page) noexcept;
  /// Frees all pages of all holders.
  void release_all() noexcept;

  float* data(int32_t page) const noexcept;

  int64_t pages() const noexcept { return static_cast<int64_t>(uses_.size()); }
  int64_t free_pages() const noexcept { return static_cast<int64_t>(free_.size()); }
  /// The number of pages that the limit allows.
  int64_t most_pages() const noexcept;

 private:
  Status grow(int64_t pages);
  int64_t slabs_for(int64_t pages) const noexcept;

  struct Free {
    void operator()(float* data) const noexcept {
      ::operator delete (data, std::align_val_t{kAlignment});
    }
  };
  using Slab = std::unique_ptr<float, Free>;
  static constexpr size_t kAlignment = 64;

  const int64_t floats_;
  int64_t limit_;
  int32_t slab_pages_;
  std::vector<Slab> slabs_;    // of slab_pages_ pages
  std::vector<int32_t> uses_;  // [pages]
  std::vector<int32_t> free_;  // taken from the end
};

}  // namespace lanewise::decode
