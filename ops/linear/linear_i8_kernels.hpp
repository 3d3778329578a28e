#pragma once

#include "ops/isa.hpp"
#include "ops/linear/linear_block.hpp"

namespace lanewise::ops {

/// Linear layers with weights of 8 bits. Activations are quantised row by row, weights were by
/// output feature, and the sums are exact:
///
///   s[r] = max_k |x[r, k]| / 127,   q[r, k] = round(x[r, k] / s[r])
///   sum = s[r] * scale[n] * (sum_k q[r, k] * w[n, k])
struct LinearI8Kernels {
  static constexpr Isa kAlsoFor[] = {Isa::avxvnni, Isa::avx512vnni};

  /// `scratch`: prepared_bytes(), aligned to 64.
  void (*multiply)(const LinearBlock& block, std::byte* scratch) noexcept;
  /// The most rows that `multiply` works on at once.
  size_t tile_rows;
};

}  // namespace lanewise::ops
