#include "runtime/text/byte_trie.hpp"

#include <utility>

namespace lanewise::text {
namespace {

constexpr int kFirstBits = 8;

}  // namespace

ByteTrie::ByteTrie()
    : slots_(size_t{1} << kFirstBits, Slot{0, kNone}),
      values_(1, kNone),
      mask_((1u << kFirstBits) - 1),
      shift_(32 - kFirstBits) {}

bool ByteTrie::insert(std::string_view key, int32_t value) {
  int32_t node = kRoot;
  for (const char c : key) {
    const auto byte = static_cast<uint8_t>(c);
    int32_t next = child(node, byte);
    if (next == kNone) {
      if (values_.size() >= kMaxNodes) return false;
      if (values_.size() * 2 > slots_.size()) grow();
      next = static_cast<int32_t>(values_.size());
      values_.push_back(kNone);
      place({edge_key(node, byte), next});
    }
    node = next;
  }
  values_[static_cast<size_t>(node)] = value;
  return true;
}

int32_t ByteTrie::walk(std::string_view prefix) const noexcept {
  int32_t node = kRoot;
  for (const char c : prefix) {
    node = child(node, static_cast<uint8_t>(c));
    if (node == kNone) break;
  }
  return node;
}

size_t ByteTrie::longest_prefix(std::string_view text) const noexcept {
  size_t longest = 0;
  int32_t node = kRoot;
  for (size_t i = 0; i < text.size();) {
    node = child(node, static_cast<uint8_t>(text[i++]));
    if (node == kNone) break;
    if (value(node) != kNone) longest = i;
  }
  return longest;
}

int32_t ByteTrie::find(std::string_view key) const noexcept {
  const int32_t node = walk(key);
  return node == kNone ? kNone : value(node);
}

void ByteTrie::place(Slot slot) noexcept {
  uint32_t i = slot_of(slot.key);
  while (slots_[i].child != kNone) i = (i + 1) & mask_;
  slots_[i] = slot;
}

void ByteTrie::grow() {
  std::vector<Slot> old(slots_.size() * 2, Slot{0, kNone});
  std::swap(old, slots_);
  mask_ = mask_ * 2 + 1;
  --shift_;
  for (const Slot& slot : old) {
    if (slot.child != kNone) place(slot);
  }
}

}  // namespace lanewise::text
