#include "runtime/decode/page_pool.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "base/dcheck.hpp"
#include "base/saturating.hpp"
#include "base/status_macros.hpp"

namespace lanewise::decode {
namespace {

// Few enough allocations, and little memory that nothing uses.
constexpr int64_t kSlabBytes = 1 << 22;
// No machine has more, and a sanitizer would end the process.
constexpr int64_t kMostSlabBytes = int64_t{1} << 39;
constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

/// Small beside the limit too, because all slabs are of one size.
int32_t pages_of_slab(int64_t page_bytes, int64_t limit) {
  const int64_t bytes = std::min(kSlabBytes, limit / 16);
  return static_cast<int32_t>(
      std::clamp<int64_t>(bytes / std::max<int64_t>(page_bytes, 1), 1, 1 << 10));
}

}  // namespace

PagePool::PagePool(int64_t floats) : floats_(floats) { set_limit(kNoLimit); }

void PagePool::set_limit(int64_t bytes) noexcept {
  LW_DCHECK(slabs_.empty());
  limit_ = bytes;
  slab_pages_ = pages_of_slab(page_bytes(), bytes);
}

int64_t PagePool::most_pages() const noexcept {
  const int64_t slabs = limit_ / std::max<int64_t>(page_bytes() * slab_pages_, 1);
  return std::min(slabs, kNoLimit / slab_pages_) * slab_pages_;  // pages may have no bytes
}

Status PagePool::take(int64_t count, std::vector<int32_t>& pages) {
  if (count > free_pages()) LW_RETURN_IF_ERROR(grow(count - free_pages()));
  pages.reserve(pages.size() + static_cast<size_t>(count));  // may throw; nothing is taken then
  for (int64_t i = 0; i < count; ++i) {
    const int32_t page = free_.back();
    free_.pop_back();
    uses_[static_cast<size_t>(page)] = 1;
    pages.push_back(page);
  }
  return {};
}

Status PagePool::reserve(int64_t pages) {
  return pages > this->pages() ? grow(pages - this->pages()) : Status();
}

int64_t PagePool::slabs_for(int64_t pages) const noexcept {
  return pages / slab_pages_ + (pages % slab_pages_ > 0 ? 1 : 0);
}

int64_t PagePool::memory_bytes(int64_t pages) const noexcept {
  const auto each = static_cast<int64_t>(sizeof(int32_t));  // in uses_ and in free_
  const int64_t slab = base::add_or_max(
      base::multiply_or_max(base::add_or_max(page_bytes(), 2 * each), slab_pages_), sizeof(Slab));
  return base::multiply_or_max(slab, slabs_for(pages));
}

Status PagePool::grow(int64_t pages) {
  const int64_t slabs = slabs_for(pages);
  const int64_t all = this->pages() + slabs * slab_pages_;
  if (all > most_pages() || all > std::numeric_limits<int32_t>::max()) {
    return resource_exhausted(
        "the cache of keys and values is full: " + std::to_string(this->pages()) + " pages of " +
        std::to_string(page_bytes()) + " bytes");
  }
  // Everything that can fail comes first; with room for every page, releasing pages never
  // allocates.
  slabs_.reserve(slabs_.size() + static_cast<size_t>(slabs));
  free_.reserve(static_cast<size_t>(all));
  uses_.reserve(static_cast<size_t>(all));
  for (int64_t i = 0; i < slabs; ++i) {
    const int64_t bytes = base::multiply_or_max(page_bytes(), slab_pages_);
    void* data = bytes > kMostSlabBytes
                     ? nullptr
                     : ::operator new (static_cast<size_t>(bytes), std::align_val_t{kAlignment},
                                       std::nothrow);
    if (data == nullptr) {
      return resource_exhausted("no memory for a cache of " + std::to_string(all) + " pages of " +
                                std::to_string(page_bytes()) + " bytes");
    }
    slabs_.emplace_back(static_cast<float*>(data));
    const auto first = static_cast<int32_t>(uses_.size());
    uses_.resize(uses_.size() + static_cast<size_t>(slab_pages_), 0);
    // The lowest page is taken next.
    for (int32_t page = slab_pages_ - 1; page >= 0; --page) free_.push_back(first + page);
  }
  return {};
}

void PagePool::release(int32_t page) noexcept {
  LW_DCHECK(uses_[static_cast<size_t>(page)] > 0);
  if (--uses_[static_cast<size_t>(page)] == 0) free_.push_back(page);
}

void PagePool::release_all() noexcept {
  free_.clear();
  for (auto page = static_cast<int32_t>(uses_.size()) - 1; page >= 0; --page) {
    free_.push_back(page);
  }
  std::fill(uses_.begin(), uses_.end(), 0);
}

float* PagePool::data(int32_t page) const noexcept {
  const auto slab = static_cast<size_t>(page / slab_pages_);
  return slabs_[slab].get() + page % slab_pages_ * floats_;
}

}  // namespace lanewise::decode
