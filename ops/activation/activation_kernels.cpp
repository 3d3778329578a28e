#include "ops/activation/activation_kernels.hpp"

#include "ops/activation/activation_math.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

template <Activation kActivation>
void apply_to_rows(const RowBlock& block) noexcept {
  for (size_t r = 0; r < block.rows; ++r) {
    const float* x = block.x + r * block.x_stride;
    float* y = block.y + r * block.y_stride;
    size_t i = 0;
    for (; i + kLanes <= block.dim; i += kLanes) store(y + i, activate<kActivation>(load(x + i)));
    const size_t left = block.dim - i;
    if (left > 0) store_first(y + i, activate<kActivation>(load_first(x + i, left)), left);
  }
}

void apply(Activation kind, const RowBlock& block) noexcept {
  switch (kind) {
#define LW_ACTIVATION(kind, name, function) \
  case Activation::kind:                    \
    return apply_to_rows<Activation::kind>(block);
#include "ops/activation/activations.def"
#undef LW_ACTIVATION
  }
}

}  // namespace

LW_KERNELS(ActivationKernels, activation_kernels){apply};

}  // namespace lanewise::ops::LW_ISA_NAME
