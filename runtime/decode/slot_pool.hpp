#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <vector>

#include "lanewise/status.hpp"

namespace lanewise::decode {

/// The states that recurrent layers of a decoder had after each token, in slots of one token.
///
/// A slot is the memory of one token in every layer; a sequence is a list of slots. Hypotheses with
/// a common beginning share its slots, which are never rewritten, so a beam continues another's
/// states by copying a list of numbers. A slot is free when no list contains it.
class SlotPool {
 public:
  using Slots = std::vector<int32_t>;

  /// features  floats per slot in each layer
  explicit SlotPool(std::span<const int64_t> features);

  /// Ensures that append() can take that many slots. Layers may move; their contents stay.
  /// kResourceExhausted, with nothing changed, if the system has no memory.
  Status reserve(int64_t slots);

  /// Bytes that reserve() allocates in an empty pool; INT64_MAX if no machine has that much.
  int64_t memory_bytes(int64_t slots) const noexcept;

  /// Appends a free slot, which reserve() must have provided.
  void append(Slots& sequence);
  /// Makes `copy`, which must be empty, a list of the same slots.
  void share(const Slots& sequence, Slots& copy);
  /// Releases all slots of a list but the first `count`.
  void truncate(Slots& sequence, size_t count) noexcept;
  /// Releases the slots of a list, and empties it.
  void release(Slots& sequence) noexcept { truncate(sequence, 0); }
  /// Releases all slots of all lists, which must not be used afterwards.
  void release_all() noexcept;

  size_t layers() const noexcept { return layers_.size(); }
  float* layer(size_t index) const noexcept { return layers_[index].data.get(); }
  /// Floats between two slots of a layer.
  int64_t stride(size_t index) const noexcept { return layers_[index].stride; }

  int64_t capacity() const noexcept { return capacity_; }
  int64_t free_slots() const noexcept { return static_cast<int64_t>(free_.size()); }

 private:
  void add_free(int64_t begin, int64_t end) noexcept;

  struct Free {
    void operator()(float* data) const noexcept {
      ::operator delete (data, std::align_val_t{kAlignment});
    }
  };
  using Floats = std::unique_ptr<float, Free>;
  struct Layer {
    int64_t stride = 0;
    Floats data;
  };
  static constexpr size_t kAlignment = 64;

  std::vector<Layer> layers_;
  std::vector<int32_t> uses_;  // [capacity]
  std::vector<int32_t> free_;  // taken from the end
  int64_t capacity_ = 0;
};

}  // namespace lanewise::decode
