#include "runtime/decode/cache.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "base/dcheck.hpp"
#include "runtime/plan/memory_plan.hpp"

namespace lanewise::decode {

Cache::Cache(std::span<const int64_t> features) {
  for (const int64_t count : features) layers_.push_back({plan::row_stride(count), nullptr});
}

Status Cache::reserve(int64_t slots) {
  const int64_t used = capacity_ - free_slots();
  if (used + slots <= capacity_) return {};
  // Twice as many, so that growing token by token copies each of them once on average.
  const int64_t capacity = std::max(used + slots, 2 * capacity_);
  std::vector<Floats> grown;
  for (const Layer& layer : layers_) {
    const int64_t bytes = capacity * layer.stride * static_cast<int64_t>(sizeof(float));
    const bool fits = capacity <= std::numeric_limits<int32_t>::max();
    void* data = fits ? ::operator new (static_cast<size_t>(bytes), std::align_val_t{kAlignment},
                                        std::nothrow)
                      : nullptr;
    if (data == nullptr) {
      return resource_exhausted("no memory for a cache of " + std::to_string(capacity) + " tokens");
    }
    grown.emplace_back(static_cast<float*>(data));
  }
  for (size_t i = 0; i < layers_.size(); ++i) {
    std::copy_n(layers_[i].data.get(), capacity_ * layers_[i].stride, grown[i].get());
    layers_[i].data = std::move(grown[i]);
  }
  uses_.resize(static_cast<size_t>(capacity), 0);
  // The lowest first: the tokens of a sequence lie one after another where they can.
  std::vector<int32_t> more;
  for (int64_t slot = capacity; slot > capacity_; --slot) {
    more.push_back(static_cast<int32_t>(slot - 1));
  }
  free_.insert(free_.begin(), more.begin(), more.end());
  capacity_ = capacity;
  return {};
}

void Cache::append(Slots& sequence) {
  LW_DCHECK(!free_.empty());
  sequence.push_back(free_.back());
  free_.pop_back();
  uses_[static_cast<size_t>(sequence.back())] = 1;
}

void Cache::share(const Slots& sequence, Slots& copy) {
  LW_DCHECK(copy.empty());
  copy.assign(sequence.begin(), sequence.end());
  for (const int32_t slot : copy) ++uses_[static_cast<size_t>(slot)];
}

void Cache::release(Slots& sequence) {
  for (const int32_t slot : sequence) {
    if (--uses_[static_cast<size_t>(slot)] == 0) free_.push_back(slot);
  }
  sequence.clear();
}

}  // namespace lanewise::decode
