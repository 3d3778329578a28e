#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace lanewise::grammar {

/// Numbers equal sequences of integers alike, from 0 in the order in which they first appear.
class Sequences {
 public:
  /// The number of `sequence`, which must not lie in here.
  int32_t intern(std::span<const int32_t> sequence);

  /// Valid until the next intern().
  std::span<const int32_t> operator[](int32_t number) const noexcept {
    const auto i = static_cast<size_t>(number);
    return {values_.data() + offsets_[i], values_.data() + offsets_[i + 1]};
  }
  int32_t size() const noexcept { return static_cast<int32_t>(offsets_.size()) - 1; }
  size_t bytes() const noexcept {
    return (values_.capacity() + slots_.capacity()) * sizeof(int32_t) +
           offsets_.capacity() * sizeof(size_t);
  }

 private:
  size_t slot_of(std::span<const int32_t> sequence) const noexcept;
  void grow();

  std::vector<int32_t> values_;
  std::vector<size_t> offsets_{0};
  std::vector<int32_t> slots_;  // open addressing, a power of two, at most half full; -1: free
};

}  // namespace lanewise::grammar
