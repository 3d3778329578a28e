#pragma once

#include <cstddef>
#include <span>

#include "ops/isa.hpp"
#include "ops/sample/candidate.hpp"

namespace lanewise::ops {

struct SampleKernels;

/// What choosing a token asks of a row of scores.
///
/// NaN and -inf are never chosen. Equal scores are chosen in the order of their indices. The same
/// bits on every instruction set with FMA. A cheap value; thread-safe.
class Sampling {
 public:
  /// isa  available on this CPU
  explicit Sampling(Isa isa) noexcept;

  /// log sum_i e^x[i]
  ///
  /// x  f32. -inf if it is empty or -inf alone; NaN if it has a NaN or +inf.
  /// Error: at most 1.5e-6 + 1e-7 * |result| for up to 65,536 elements.
  float log_sum_exp(std::span<const float> x) const noexcept;

  /// The index of the largest element; x.size() if there is none to choose.
  size_t argmax(std::span<const float> x) const noexcept;

  /// The largest elements, in descending order.
  ///
  /// best  out; as many as are asked for. A threshold scan with a heap: made for some hundreds.
  /// Returns how many there are: fewer than asked for where no more can be chosen.
  size_t top_k(std::span<const float> x, std::span<Candidate> best) const noexcept;

  /// Numbers in the proportion of the probabilities.
  ///
  ///   y[i] = e^((x[i] - max_j x[j]) / temperature)
  ///
  /// x            f32, no NaN, no +inf
  /// temperature  > 0, taken as at least 1e-30 and at most 1e30
  /// y            [x.size()], may be x
  /// Error: at most 4e-7 * (1 + |log y|) relative; 0 below 2^-126.
  /// Returns the sum of y.
  double weights(std::span<const float> x, double temperature, float* y) const noexcept;

  /// The first i whose w[0] + ... + w[i] is above `target`.
  ///
  /// w       what weights() gave
  /// target  u * what weights() returned, 0 <= u < 1, draws i with the probability of w[i]
  /// The last with w[i] > 0 if all sums are below; w.size() if all w[i] are 0.
  size_t draw(std::span<const float> w, double target) const noexcept;

 private:
  const SampleKernels* kernels_;
};

}  // namespace lanewise::ops
