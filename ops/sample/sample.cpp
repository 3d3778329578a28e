#include "ops/sample/sample.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "ops/sample/sample_kernels.hpp"

#define LW_KERNEL_TABLE SampleKernels
#define LW_KERNEL_NAME sample_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr double kLog2 = 0.6931471805599453;

/// log(x) for x > 0. Not the C library's, whose last bit depends on the CPU.
///
///   x = 2^n q with q in [sqrt(1/2), sqrt(2)),  log q = 2 atanh s,  s = (q - 1) / (q + 1)
///
/// s| < 0.172, and the first omitted term is below 1e-17.
double log(double x) noexcept {
  int n = 0;
  double q = std::frexp(x, &n);
  if (q < 0.7071067811865476) {
    q *= 2.0;
    --n;
  }
  const double s = (q - 1.0) / (q + 1.0);
  const double s2 = s * s;
  double atanh = 0.0;
  for (int term = 19; term > 0; term -= 2) atanh = atanh * s2 + 1.0 / term;
  return n * kLog2 + 2.0 * s * atanh;
}

/// The largest element, or 0 if that is -inf: -inf - -inf would be NaN.
float finite_max(const SampleKernels& kernels, std::span<const float> x) noexcept {
  const float largest = kernels.max(x.data(), x.size());
  return largest == -kInfinity ? 0.0f : largest;
}

}  // namespace

Sampling::Sampling(Isa isa) noexcept : kernels_(&kernels_for<SampleKernels>(isa)) {}

float Sampling::log_sum_exp(std::span<const float> x) const noexcept {
  const float m = finite_max(*kernels_, x);
  const float sum =
      kernels_->sum_exp2(x.data(), x.size(), m, static_cast<float>(std::numbers::log2e));
  if (sum == 0.0f) return -kInfinity;
  if (!(sum < kInfinity)) return std::numeric_limits<float>::quiet_NaN();
  return static_cast<float>(static_cast<double>(m) + log(static_cast<double>(sum)));
}

size_t Sampling::argmax(std::span<const float> x) const noexcept {
  Candidate best;
  const size_t found = kernels_->top_k(x.data(), x.size(), 1, &best);
  return found == 0 ? x.size() : static_cast<size_t>(best.index);
}

size_t Sampling::top_k(std::span<const float> x, std::span<Candidate> best) const noexcept {
  return kernels_->top_k(x.data(), x.size(), best.size(), best.data());
}

double Sampling::weights(std::span<const float> x, double temperature, float* y) const noexcept {
  // 0 * infinity and -infinity * 0 would be NaN.
  const auto scale = static_cast<float>(std::numbers::log2e / std::clamp(temperature, 1e-30, 1e30));
  return kernels_->exp2(x.data(), x.size(), finite_max(*kernels_, x), scale, y);
}

size_t Sampling::draw(std::span<const float> w, double target) const noexcept {
  return kernels_->draw(w.data(), w.size(), target);
}

}  // namespace lanewise::ops
