#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace lanewise::text {

/// A map from byte strings to numbers, walked one byte at a time.
///
/// The edges are in one open-addressing table keyed by (node, byte): a step is one multiplication
/// and, at a load factor of at most 1/2, usually one cache line; there are no node objects to
/// allocate. Const methods are thread-safe.
class ByteTrie {
 public:
  static constexpr int32_t kNone = -1;
  static constexpr int32_t kRoot = 0;

  ByteTrie();

  /// Maps `key` to `value` >= 0, replacing any earlier value. False if there is no room for its
  /// nodes.
  [[nodiscard]] bool insert(std::string_view key, int32_t value);

  /// The node after `byte`, or kNone.
  int32_t child(int32_t node, uint8_t byte) const noexcept {
    const uint32_t key = edge_key(node, byte);
    for (uint32_t i = slot_of(key);; i = (i + 1) & mask_) {
      if (slots_[i].child == kNone || slots_[i].key == key) return slots_[i].child;
    }
  }

  /// The value of the string that ends at `node`, or kNone.
  int32_t value(int32_t node) const noexcept { return values_[static_cast<size_t>(node)]; }

  /// The node at the end of `prefix`, or kNone if no string starts with it.
  int32_t walk(std::string_view prefix) const noexcept;

  /// The length of the longest key that `text` begins with; 0 if there is none.
  size_t longest_prefix(std::string_view text) const noexcept;

  /// The value of `key`, or kNone.
  int32_t find(std::string_view key) const noexcept;

 private:
  struct Slot {
    uint32_t key;
    int32_t child;  // kNone: free
  };

  // A node number and a byte fit the 32 bits of a key.
  static constexpr size_t kMaxNodes = size_t{1} << 24;

  static uint32_t edge_key(int32_t node, uint8_t byte) noexcept {
    return static_cast<uint32_t>(node) << 8 | byte;
  }
  /// Fibonacci hashing: the high bits of the product with 2^32 / golden ratio.
  uint32_t slot_of(uint32_t key) const noexcept { return (key * 0x9E3779B1u) >> shift_; }
  void place(Slot slot) noexcept;
  void grow();

  std::vector<Slot> slots_;
  std::vector<int32_t> values_;  // one per node
  uint32_t mask_;
  int shift_;
};

}  // namespace lanewise::text
