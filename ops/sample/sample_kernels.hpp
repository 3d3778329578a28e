#pragma once

#include <cstddef>

#include "ops/isa.hpp"
#include "ops/sample/candidate.hpp"

namespace lanewise::ops {

/// What Sampling (sample.hpp) is made of. Every row may be empty.
struct SampleKernels {
  /// The largest of x[0, n), -inf of none. Where one is NaN it may be another.
  float (*max)(const float* x, size_t n) noexcept;

  /// sum_i 2^(scale_log2 * (x[i] - m)), for m >= every x[i].
  float (*sum_exp2)(const float* x, size_t n, float m, float scale_log2) noexcept;

  /// y[i] = 2^(scale_log2 * (x[i] - m)), for m >= every x[i]. Returns the sum that draw() counts.
  /// y may be x.
  double (*exp2)(const float* x, size_t n, float m, float scale_log2, float* y) noexcept;

  /// The first i whose w[0] + ... + w[i] is above `target`; the last with w[i] > 0 if there is
  /// none; n if there is none of these either. w[i] >= 0.
  size_t (*draw)(const float* w, size_t n, double target) noexcept;

  /// The k best of x[0, n) into `best`, best first. Returns how many: NaN and -inf are left out.
  size_t (*top_k)(const float* x, size_t n, size_t k, Candidate* best) noexcept;
};

}  // namespace lanewise::ops
