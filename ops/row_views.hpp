#pragma once

/// Views of rows of f32 for kernels: 16 elements at a time, fewer at the end.

#include "ops/simd.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

/// A plain row: 16 elements from element i on, or n < 16 followed by zeros.
struct PlainRow {
  const float* x;
  LW_INLINE f32x16 all(size_t i) const noexcept { return load(x + i); }
  LW_INLINE f32x16 first(size_t i, size_t n) const noexcept { return load_first(x + i, n); }
};

/// Up to 16 elements, the same ones of several rows.
struct RowPart {
  size_t begin;
  size_t count;

  /// The elements from `begin` on, at most 16, of rows of `n`.
  LW_INLINE static RowPart of(size_t begin, size_t n) noexcept {
    return {begin, n - begin < kLanes ? n - begin : kLanes};
  }
  LW_INLINE f32x16 from(const float* row) const noexcept {
    return count == kLanes ? load(row + begin) : load_first(row + begin, count);
  }
  LW_INLINE void to(float* row, const f32x16& a) const noexcept {
    if (count == kLanes) {
      store(row + begin, a);
    } else {
      store_first(row + begin, a, count);
    }
  }
};

}  // namespace
}  // namespace lanewise::ops::LW_ISA_NAME
