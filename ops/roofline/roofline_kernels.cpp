#include "ops/roofline/roofline_kernels.hpp"

#include "ops/simd.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

// Independent chains must cover latency x ports: 4 cycles x 2 FMA ports on everything since Skylake
// and Zen 2, 5 x 2 on Zen 1 and Haswell. 12 registers do, and leave two of SSE's and AVX's 16 for
// the operands. Without FMA a link of the chain is a multiply and an add, 6 to 8 cycles, and 12
// chains of two instructions still fill the ports.
constexpr size_t kChains = 12 / kParts;

float multiply_add(size_t steps) noexcept {
  // x <- x a + b tends to b / (1 - a) = 1: neither infinite nor denormal, however long it runs.
  const f32x16 a = broadcast(0.75f);
  const f32x16 b = broadcast(0.25f);
  f32x16 x[kChains];
  // Every register starts different: the compiler merges chains that it can prove equal, and the
  // peak would come out too high.
  LW_UNROLL for (size_t i = 0; i < kChains; ++i) {
    x[i] = lane_index() + broadcast(static_cast<float>(i * kLanes));
  }
  for (size_t step = 0; step < steps; ++step) {
    LW_UNROLL for (size_t i = 0; i < kChains; ++i) x[i] = fma(x[i], a, b);
  }
  f32x16 sum = zero();
  LW_UNROLL for (size_t i = 0; i < kChains; ++i) sum = sum + x[i];
  return reduce_add(sum);
}

}  // namespace

LW_KERNELS(RooflineKernels, roofline_kernels){multiply_add, kChains* kLanes};

}  // namespace lanewise::ops::LW_ISA_NAME
