#pragma once

#include "ops/isa.hpp"
#include "ops/weights/i4/i4.hpp"

namespace lanewise::ops {

/// Linear layers with 4-bit weights, u in [0, 15], in groups along k that share a scale and
/// optionally a minimum. Activations are quantised row by row as for 8 bits, x[r, k] ~ s[r] * q[r,
/// k] + t[r]:
///
///   sum = s[r] * sum_g G[r, n, g] + t[r] * total[n]
///   G = scale[n, g] * sum_{k in g} (u[n, k] - 8) q[r, k]
///   G = scale[n, g] * sum_{k in g} u[n, k] q[r, k] + minimum[n, g] * sum_{k in g} q[r, k]
///
/// The second G is the one with minimums. total[n] is the sum of the dequantised weights. The sums
/// over a group are exact; those over groups are one chain of multiply-adds.
struct LinearI4Kernels {
  static constexpr Isa kAlsoFor[] = {Isa::avxvnni, Isa::avx512vnni};

  /// `scratch`: Weight::scratch_bytes(), aligned to 64.
  void (*multiply)(const I4Block& block, std::byte* scratch) noexcept;
  /// The most rows that `multiply` processes at once.
  size_t tile_rows;
};

const LinearI4Kernels& linear_i4_kernels_for(Isa isa) noexcept;

}  // namespace lanewise::ops
