#pragma once

#include <cstddef>
#include <cstdint>

namespace lanewise::exec {

/// Working memory that only grows. Contents are lost when it does.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();

  /// Makes room for `bytes`; returns false, leaving the arena unchanged, if the system has no
  /// memory.
  bool reserve(int64_t bytes) noexcept;
  /// The bytes that reserve() allocates for `bytes` in an empty arena; INT64_MAX if it would fail.
  static int64_t allocated_for(int64_t bytes) noexcept;
  std::byte* data() const noexcept { return data_; }  ///< aligned to 64
  int64_t capacity() const noexcept { return capacity_; }

 private:
  std::byte* data_ = nullptr;
  int64_t capacity_ = 0;
};

}  // namespace lanewise::exec
