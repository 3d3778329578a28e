#include "runtime/decode/slot_pool.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "base/dcheck.hpp"
#include "base/saturating.hpp"
#include "runtime/plan/memory_plan.hpp"

namespace lanewise::decode {

SlotPool::SlotPool(std::span<const int64_t> features) {
  for (const int64_t count : features) layers_.push_back({plan::row_stride(count), nullptr});
}

Status SlotPool::reserve(int64_t slots) {
  const int64_t used = capacity_ - free_slots();
  if (used + slots <= capacity_) return {};
  // Doubles the capacity, so that growth token by token copies each slot once on average.
  const int64_t capacity = std::max(used + slots, 2 * capacity_);
  std::vector<Floats> grown;
  grown.reserve(layers_.size());
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
  // Everything that can fail comes first; with room for every slot, releasing slots never
  // allocates.
  free_.reserve(static_cast<size_t>(capacity));
  uses_.resize(static_cast<size_t>(capacity), 0);
  add_free(capacity_, capacity);
  for (size_t i = 0; i < layers_.size(); ++i) {
    std::copy_n(layers_[i].data.get(), capacity_ * layers_[i].stride, grown[i].get());
    layers_[i].data = std::move(grown[i]);
  }
  capacity_ = capacity;
  return {};
}

int64_t SlotPool::memory_bytes(int64_t slots) const noexcept {
  int64_t bytes = 2 * static_cast<int64_t>(sizeof(int32_t));  // in uses_ and in free_
  for (const Layer& layer : layers_) {
    bytes = base::add_or_max(bytes, base::multiply_or_max(layer.stride, sizeof(float)));
  }
  return base::multiply_or_max(bytes, slots);
}

void SlotPool::release_all() noexcept {
  free_.clear();
  add_free(0, capacity_);
  std::fill(uses_.begin(), uses_.end(), 0);
}

/// The lowest slot is taken next, so that the tokens of a sequence are adjacent where possible.
void SlotPool::add_free(int64_t begin, int64_t end) noexcept {
  const auto count = static_cast<size_t>(end - begin);
  free_.insert(free_.begin(), count, 0);
  for (size_t i = 0; i < count; ++i)
    free_[i] = static_cast<int32_t>(end - 1) - static_cast<int32_t>(i);
}

void SlotPool::append(Slots& sequence) {
  LW_DCHECK(!free_.empty());
  sequence.push_back(free_.back());  // may throw; no slot is taken then
  free_.pop_back();
  uses_[static_cast<size_t>(sequence.back())] = 1;
}

void SlotPool::share(const Slots& sequence, Slots& copy) {
  LW_DCHECK(copy.empty());
  copy.assign(sequence.begin(), sequence.end());
  for (const int32_t slot : copy) ++uses_[static_cast<size_t>(slot)];
}

void SlotPool::truncate(Slots& sequence, size_t count) noexcept {
  for (size_t i = count; i < sequence.size(); ++i) {
    if (--uses_[static_cast<size_t>(sequence[i])] == 0) free_.push_back(sequence[i]);
  }
  if (count < sequence.size()) sequence.resize(count);
}

}  // namespace lanewise::decode
