#include "runtime/grammar/sequences.hpp"

#include <algorithm>

namespace lanewise::grammar {
namespace {

constexpr size_t kFirstSlots = 64;

uint64_t hash_of(std::span<const int32_t> sequence) noexcept {
  uint64_t hash = sequence.size();
  for (const int32_t value : sequence) {
    hash = (hash ^ static_cast<uint32_t>(value)) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 29;
  }
  return hash;
}

}  // namespace

/// The slot of an equal sequence, or the free one where it belongs.
size_t Sequences::slot_of(std::span<const int32_t> sequence) const noexcept {
  const size_t mask = slots_.size() - 1;
  size_t slot = hash_of(sequence) & mask;
  while (slots_[slot] >= 0 && !std::ranges::equal((*this)[slots_[slot]], sequence)) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

void Sequences::grow() {
  slots_.assign(std::max(kFirstSlots, slots_.size() * 2), -1);
  for (int32_t i = 0; i < size(); ++i) slots_[slot_of((*this)[i])] = i;
}

int32_t Sequences::intern(std::span<const int32_t> sequence) {
  if (static_cast<size_t>(size() + 1) * 2 > slots_.size()) grow();
  const size_t slot = slot_of(sequence);
  if (slots_[slot] >= 0) return slots_[slot];
  values_.insert(values_.end(), sequence.begin(), sequence.end());
  offsets_.push_back(values_.size());
  slots_[slot] = size() - 1;
  return slots_[slot];
}

}  // namespace lanewise::grammar
