#pragma once

#include <cstddef>

#include "ops/isa.hpp"
#include "ops/sample/candidate.hpp"

namespace lanewise::ops {

/// The kernels of Sampling (sample.hpp). Every row may be empty.
struct SampleKernels {
  /// Returns the largest of x[0, n); -inf if n is 0. If one is NaN, may return any other.
  float (*max)(const float* x, size_t n) noexcept;

  /// sum_i 2^(scale_log2 * (x[i] - m)), for m >= every x[i].
  float (*sum_exp2)(const float* x, size_t n, float m, float scale_log2) noexcept;

  /// y[i] = 2^(scale_log2 * (x[i] - m)), for m >= every x[i]. Returns the sum of y, added in the
  /// order of draw().
  /// y may be x.
  double (*exp2)(const float* x, size_t n, float m, float scale_log2, float* y) noexcept;

  /// Returns the first i for which w[0] + ... + w[i] > `target`; if there is none, the last i with
  /// w[i] > 0; if there is none either, n. w[i] >= 0.
  size_t (*draw)(const float* w, size_t n, double target) noexcept;

  /// Writes the k largest of x[0, n) to `best`, largest first, and returns their number. NaN and
  /// -inf are omitted.
  size_t (*top_k)(const float* x, size_t n, size_t k, Candidate* best) noexcept;
};

}  // namespace lanewise::ops
