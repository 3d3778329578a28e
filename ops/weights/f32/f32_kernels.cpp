#include "ops/weights/f32/f32_kernels.hpp"

#include "ops/weights/linear_exact.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

void multiply(const F32Block& block, std::byte* /*scratch*/) noexcept {
  multiply_exactly(block, block.w.panels);
}

template <Activation kActivation>
void finish_rows(const LinearBlock& block) noexcept {
  for (size_t r = 0; r < block.rows; ++r) {
    for (size_t n = 0; n < block.n; n += kLanes) {
      const float* sums = block.y + r * block.y_stride + n;
      const size_t left = block.n - n;
      const f32x16 sum = left >= kLanes ? load(sums) : load_first(sums, left);
      finish_vector<kActivation, Precision::kExact>(block, sum, r, n);
    }
  }
}

void finish(const LinearBlock& block) noexcept {
  switch (block.activation) {
#define LW_ACTIVATION(kind, name, function) \
  case Activation::kind:                    \
    return finish_rows<Activation::kind>(block);
#include "ops/activation/activations.def"
#undef LW_ACTIVATION
  }
}

}  // namespace

LW_KERNELS(LinearKernels, linear_kernels) = {multiply, finish, ExactTiles<float>::kMaxRows};

}  // namespace lanewise::ops::LW_ISA_NAME
