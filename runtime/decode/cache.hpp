#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <vector>

#include "lanewise/status.hpp"

namespace lanewise::decode {

/// The keys and values of tokens that a decoder has seen, a page a token.
///
/// A slot is the place of one token in every layer; a sequence is a list of slots. Hypotheses that
/// share a beginning share its slots, which are never written again, so beams go on from each
/// other's caches by copying lists of numbers. A slot is free when no list has it.
class Cache {
 public:
  using Slots = std::vector<int32_t>;

  /// features  floats of a slot in each layer
  explicit Cache(std::span<const int64_t> features);

  /// Makes sure that append() can take so many slots. Layers may move; what they hold stays.
  /// kResourceExhausted when the system has no memory; nothing has changed then.
  Status reserve(int64_t slots);

  /// Adds a free slot, which reserve() must have provided.
  void append(Slots& sequence);
  /// Another list of the same slots, in place of what `copy` was (which has none).
  void share(const Slots& sequence, Slots& copy);
  /// Gives back the slots of a list, and empties it.
  void release(Slots& sequence) noexcept;
  /// Gives back all slots of all lists, which nobody may use any more.
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
  std::vector<int32_t> free_;  // the next one last
  int64_t capacity_ = 0;
};

}  // namespace lanewise::decode
