#pragma once

#include <cstddef>
#include <span>

#include "ops/isa.hpp"
#include "ops/sample/candidate.hpp"

namespace lanewise::ops {

struct SampleKernels;

/// Computations on a row of scores, for choosing a token.
///
/// NaN and -inf are never chosen. Of equal scores the one with the lowest index comes first. The
/// same bits on every instruction set with FMA. Cheap to copy; thread-safe.
class Sampling {
 public:
  /// isa  available on this CPU
  explicit Sampling(Isa isa) noexcept;

  /// log sum_i e^x[i]
  ///
  /// Returns -inf if x is empty or all -inf, NaN if it has a NaN or +inf.
  /// Error: at most 1.5e-6 + 1e-7 * |result| for up to 65,536 elements.
  float log_sum_exp(std::span<const float> x) const noexcept;

  /// Returns the index of the largest element; x.size() if none can be chosen.
  size_t argmax(std::span<const float> x) const noexcept;

  /// Finds the best.size() largest elements, in descending order.
  ///
  /// best  out. A heap and a scan against its smallest element; meant for up to some hundreds.
  /// Returns the number found, which is smaller if no more can be chosen.
  size_t top_k(std::span<const float> x, std::span<Candidate> best) const noexcept;

  /// Computes numbers proportional to the probabilities.
  ///
  ///   y[i] = e^((x[i] - max_j x[j]) / temperature)
  ///
  /// x            f32, no NaN, no +inf
  /// temperature  > 0, clamped to [1e-30, 1e30]
  /// y            [x.size()], may be x
  /// Error: at most 4e-7 * (1 + |log y|) relative; 0 below 2^-126.
  /// Returns the sum of y.
  double weights(std::span<const float> x, double temperature, float* y) const noexcept;

  /// Returns the first i for which w[0] + ... + w[i] > `target`.
  ///
  /// w       computed by weights()
  /// target  u times the result of weights() with a uniform u in [0, 1) draws i with probability
  ///         proportional to w[i]
  /// If no sum exceeds target, returns the last i with w[i] > 0, or w.size() if all w[i] are 0.
  size_t draw(std::span<const float> w, double target) const noexcept;

 private:
  const SampleKernels* kernels_;
};

}  // namespace lanewise::ops
