#include "ops/roofline/roofline_kernels.hpp"

#include "ops/simd_bf16.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

// Independent chains must cover latency x ports: 4 cycles x 2 FMA ports on everything since Skylake
// and Zen 2, 5 x 2 on Zen 1 and Haswell. 12 registers do, and leave two of SSE's and AVX's 16 for
// the operands. Without FMA a link of the chain is a multiply and an add, 6 to 8 cycles, and 12
// chains of two instructions still fill the ports.
constexpr size_t kSums = 12 / kParts;

// Dot products of bytes take 4 cycles on Zen 4 and 5 on Golden Cove, and at most two start per
// cycle. 10 registers cover that, and leave room for both operands.
constexpr size_t kI8Chains = 10 / kParts;

float multiply_add(size_t steps) noexcept {
  // x <- x a + b tends to b / (1 - a) = 1: never infinite or denormal, however long it runs.
  const f32x16 a = broadcast(0.75f);
  const f32x16 b = broadcast(0.25f);
  f32x16 x[kSums];
  // Every register starts with another value: the compiler merges chains that it can prove equal,
  // and the measured peak would be too high.
  LW_UNROLL for (size_t i = 0; i < kSums; ++i) {
    x[i] = lane_index() + broadcast(static_cast<float>(i * kLanes));
  }
  for (size_t step = 0; step < steps; ++step) {
    LW_UNROLL for (size_t i = 0; i < kSums; ++i) x[i] = fma(x[i], a, b);
  }
  f32x16 sum = zero();
  LW_UNROLL for (size_t i = 0; i < kSums; ++i) sum = sum + x[i];
  return reduce_add(sum);
}

int32_t dot_i8(const uint8_t* a, const int8_t* b, size_t steps) noexcept {
  u8x64 bytes = load(a);
  const i8x64 factors = load(b);
  i32x16 x[kI8Chains];
  LW_UNROLL for (size_t i = 0; i < kI8Chains; ++i) x[i] = broadcast_i32(static_cast<int32_t>(i));
  for (size_t step = 0; step < steps; ++step) {
    LW_UNROLL for (size_t i = 0; i < kI8Chains; ++i) {
      // Without VNNI the products do not depend on the sums, and the compiler would compute them
      // once.
      forget(bytes);
      x[i] = dot(bytes, factors, x[i]);
    }
  }
  uint32_t sum = 0;
  LW_UNROLL for (size_t i = 0; i < kI8Chains; ++i) sum += static_cast<uint32_t>(reduce_add(x[i]));
  return static_cast<int32_t>(sum);
}

#if LW_HAS_BF16_DOT
float dot_bf16(const uint16_t* a, const uint16_t* b, size_t steps) noexcept {
  const bf16x32 numbers = load_bf16(a);
  const bf16x32 factors = load_bf16(b);
  f32x16 x[kSums];
  LW_UNROLL for (size_t i = 0; i < kSums; ++i) x[i] = broadcast(static_cast<float>(i));
  for (size_t step = 0; step < steps; ++step) {
    LW_UNROLL for (size_t i = 0; i < kSums; ++i) x[i] = dot(numbers, factors, x[i]);
  }
  f32x16 sum = zero();
  LW_UNROLL for (size_t i = 0; i < kSums; ++i) sum = sum + x[i];
  return reduce_add(sum);
}
#else
constexpr decltype(RooflineKernels::dot_bf16) dot_bf16 = nullptr;
#endif

}  // namespace

LW_KERNELS(RooflineKernels, roofline_kernels){
    .multiply_add = multiply_add,
    .floats_per_step = kSums * kLanes,
    .dot_i8 = dot_i8,
    .i8_chains = kI8Chains,
    .dot_bf16 = dot_bf16,
    .bf16_chains = kSums,
};

}  // namespace lanewise::ops::LW_ISA_NAME
