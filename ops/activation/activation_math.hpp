#pragma once

/// Elementary functions of f32x16, for kernel sources only. Each one is the same sequence of
/// operations on every instruction set, so those with FMA give the same bits.
///
/// Infinities, NaN and zeros give the same results as in PyTorch. The polynomials and quotients are
/// minimax fits: reweighted least squares (Lawson) in double precision, coefficients rounded to
/// f32. The stated errors were measured with the rounded coefficients against double precision, on
/// the worst instruction set (the one without FMA).

#include "ops/activation/activation_kind.hpp"
#include "ops/simd.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

/// sum_i c[i] * x^i by Horner's rule.
template <size_t kTerms>
LW_INLINE f32x16 polynomial(const f32x16& x, const float (&c)[kTerms]) noexcept {
  f32x16 sum = broadcast(c[kTerms - 1]);
  LW_UNROLL for (size_t i = kTerms - 1; i > 0; --i) sum = fma(sum, x, broadcast(c[i - 1]));
  return sum;
}

/// x clamped to [-limit, limit]; NaN is preserved.
LW_INLINE f32x16 clamp(const f32x16& x, float limit) noexcept {
  return max(broadcast(-limit), min(broadcast(limit), x));
}

/// e^x for every x. Error: at most 1.3 units in the last place.
LW_INLINE f32x16 exp(const f32x16& x) noexcept {
  // Beyond these limits the result is 0 or infinity, and n stays within [-150, 128].
  const f32x16 t = max(broadcast(-104.0f), min(broadcast(88.8f), x));
  // e^x = 2^n * e^f with |f| <= log(2) / 2. log(2) is split into two parts, the first of which is
  // short enough that its product with n is exact even without FMA.
  const f32x16 n = round_to_integer(t * broadcast(1.44269504f));
  const f32x16 f = fma(n, broadcast(-1.42860677e-6f), fma(n, broadcast(-0.693145752f), t));
  const f32x16 y = polynomial(
      f, {1.0f, 1.0f, 0.49999994f, 0.166664317f, 0.041668f, 0.00837416109f, 0.00138436467f});
  // 2^n as two factors, because it may be subnormal although the result is normal.
  const f32x16 half = round_to_integer(n * broadcast(0.5f));
  return y * pow2(half) * pow2(n - half);
}

/// 2^x for x <= 0, for softmax. Zero below -126.5, exactly 1 at 0. Error: at most 2.3 units in the
/// last place. Meaningless for x > 127.
LW_INLINE f32x16 exp2(const f32x16& x) noexcept {
  // 2^-127 counts as zero, so one limit covers -inf and all values that are too small.
  const f32x16 t = max(broadcast(-127.0f), x);
  const f32x16 sum = t + broadcast(kExponentMagic);
  const f32x16 f = t - (sum - broadcast(kExponentMagic));  // |f| <= 1/2
  return polynomial(
             f, {1.0f, 0.693147004f, 0.240222424f, 0.0555073358f, 0.00967151299f, 0.00132647273f}) *
         exponent_from_low_bits(sum);
}

/// Error: at most 3.8e-7 relative. May exceed 1 by one unit in the last place.
LW_INLINE f32x16 tanh(const f32x16& x) noexcept {
  // The limit was chosen so that the quotient rounds to exactly 1 there, with and without FMA.
  const f32x16 t = clamp(x, 9.0008f);
  const f32x16 u = t * t;
  const f32x16 p =
      polynomial(u, {1.0f, 0.133810252f, 0.00349558797f, 2.0609079e-5f, 1.33546596e-8f});
  const f32x16 q =
      polynomial(u, {1.0f, 0.467143416f, 0.025876982f, 0.000328563445f, 7.77655714e-7f});
  return t * p / q;
}

/// erf(x / sqrt(2)), the probability that a normal variable lies within x standard deviations.
/// Error: at most 6e-7.
LW_INLINE f32x16 erf_of_normal(const f32x16& x) noexcept {
  // As in tanh(): exactly 1 at the limit, where the function itself is 1 - 1.9e-7.
  const f32x16 t = clamp(x, 5.2113f);
  const f32x16 u = t * t;
  const f32x16 p =
      polynomial(u, {0.797883332f, 0.102665573f, 0.0112872561f, 0.000667492743f, 1.23185664e-5f});
  const f32x16 q = polynomial(
      u, {1.0f, 0.295330673f, 0.0383822545f, 0.00281529385f, 0.000119873293f, 5.23906238e-7f});
  return t * p / q;
}

/// Error: at most 6e-7.
LW_INLINE f32x16 erf(const f32x16& x) noexcept { return erf_of_normal(x * broadcast(1.41421356f)); }

/// 1 / (1 + e^-x). Error: at most 1e-7.
LW_INLINE f32x16 sigmoid(const f32x16& x) noexcept {
  const f32x16 one = broadcast(1.0f);
  return one / (one + exp(zero() - x));
}

LW_INLINE f32x16 relu(const f32x16& x) noexcept { return max(zero(), x); }

/// x * (1 + erf(x / sqrt(2))) / 2. Error: at most 3.5e-7 * max(1, |x|). NaN at -inf.
LW_INLINE f32x16 gelu_erf(const f32x16& x) noexcept {
  const f32x16 half = broadcast(0.5f) * x;
  return fma(half, erf_of_normal(x), half);
}

/// x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) / 2. Error: at most 3e-7 * max(1, |x|). NaN
/// at -inf.
LW_INLINE f32x16 gelu_tanh(const f32x16& x) noexcept {
  const f32x16 half = broadcast(0.5f) * x;
  // sqrt(2 / pi) and 0.044715 * sqrt(2 / pi)
  const f32x16 inner = x * fma(x * x, broadcast(0.0356774081f), broadcast(0.797884561f));
  return fma(half, tanh(inner), half);
}

/// x * (1 + t P(t^2)) / 2, where t is x clamped to [-limit, limit]: GELU without a division, which
/// takes 16 cycles in 512 bits on Intel's cores, as long as the rest.
template <size_t kTerms>
LW_INLINE f32x16 gelu_by_polynomial(const f32x16& x, const float (&c)[kTerms],
                                    float limit) noexcept {
  const f32x16 half = broadcast(0.5f) * x;
  const f32x16 t = clamp(x, limit);
  return fma(half, t * polynomial(t * t, c), half);
}

/// gelu_erf() for sums that already have a larger error, from low-precision weights. Error: at most
/// 2.5e-5 * max(1, |x|).
LW_INLINE f32x16 coarse_gelu_erf(const f32x16& x) noexcept {
  // The factor of x / 2 is exactly 1 at the limit, as in tanh().
  return gelu_by_polynomial(
      x,
      {0.797532737f, -0.132170752f, 0.0192975923f, -0.00211354136f, 0.000169186591f, -9.5083442e-6f,
       3.51463854e-7f, -7.60705987e-9f, 7.26183072e-11f},
      4.38816309f);
}

/// The same for gelu_tanh(). Error: at most 2.1e-5 * max(1, |x|).
LW_INLINE f32x16 coarse_gelu_tanh(const f32x16& x) noexcept {
  return gelu_by_polynomial(
      x,
      {0.797575533f, -0.13290599f, 0.0198096652f, -0.00225730147f, 0.000190945095f, -1.14444483e-5f,
       4.52944022e-7f, -1.05078577e-8f, 1.07494187e-10f},
      4.24992704f);
}

/// x / (1 + e^-x). Error: at most 1.5e-7 * max(1, |x|). NaN at -inf.
LW_INLINE f32x16 silu(const f32x16& x) noexcept { return x / (broadcast(1.0f) + exp(zero() - x)); }

/// x / (1 + e^-1.702x). Error: at most 3e-7 * max(1, |x|). NaN at -inf.
LW_INLINE f32x16 quick_gelu(const f32x16& x) noexcept {
  return x / (broadcast(1.0f) + exp(x * broadcast(-1.702f)));
}

/// gelu_erf() clamped to [-10, 10].
LW_INLINE f32x16 gelu_10(const f32x16& x) noexcept { return clamp(gelu_erf(x), 10.0f); }

/// x * tanh(log(1 + e^x)). Error: at most 3e-7 * max(1, |x|). NaN at -inf.
LW_INLINE f32x16 mish(const f32x16& x) noexcept {
  // tanh(log(1 + e)) = n / (n + 2) with n = e^2 + 2 e. From 20 on that is exactly 1.
  const f32x16 two = broadcast(2.0f);
  const f32x16 e = exp(min(broadcast(20.0f), x));
  const f32x16 n = e * (e + two);
  return x * (n / (n + two));
}

/// max(0, min(6, x))
LW_INLINE f32x16 relu6(const f32x16& x) noexcept { return max(zero(), min(broadcast(6.0f), x)); }

/// x * relu6(x + 3) / 6. NaN at -inf.
LW_INLINE f32x16 hard_swish(const f32x16& x) noexcept {
  return x * relu6(x + broadcast(3.0f)) / broadcast(6.0f);
}

/// relu(x)^2
LW_INLINE f32x16 relu2(const f32x16& x) noexcept {
  const f32x16 y = relu(x);
  return y * y;
}

/// x, or 0.01 x below zero.
LW_INLINE f32x16 leaky_relu(const f32x16& x) noexcept { return max(x * broadcast(0.01f), x); }

/// (1 + erf((x - mu) / (sigma sqrt(2)))) / 2, with the mu and sigma at which it touches relu2.
/// Error: at most 3.5e-7.
LW_INLINE f32x16 laplace(const f32x16& x) noexcept {
  const f32x16 half = broadcast(0.5f);
  return fma(half, erf_of_normal((x - broadcast(0.707107f)) * broadcast(1 / 0.282095f)), half);
}

LW_INLINE f32x16 identity(const f32x16& x) noexcept { return x; }

/// The function that `kActivation` names.
template <Activation kActivation>
LW_INLINE f32x16 activate(const f32x16& x) noexcept {
  switch (kActivation) {
#define LW_ACTIVATION(kind, name, function) \
  case Activation::kind:                    \
    return function(x);
#include "ops/activation/activations.def"
#undef LW_ACTIVATION
  }
  return x;
}

/// The same with an error of about 2^-15 where that is faster, for sums from low-precision weights.
template <Activation kActivation>
LW_INLINE f32x16 activate_coarsely(const f32x16& x) noexcept {
  switch (kActivation) {
    case Activation::kGeluErf:
      return coarse_gelu_erf(x);
    case Activation::kGeluTanh:
      return coarse_gelu_tanh(x);
    case Activation::kGeluClipped:
      return clamp(coarse_gelu_erf(x), 10.0f);
    default:
      return activate<kActivation>(x);
  }
}

}  // namespace
}  // namespace lanewise::ops::LW_ISA_NAME
