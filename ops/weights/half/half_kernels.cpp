#include "ops/weights/half/half_kernels.hpp"

#include "ops/weights/linear_exact.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

template <typename Element>
void multiply(const HalfBlock& block, std::byte* /*scratch*/) noexcept {
  multiply_exactly(block, reinterpret_cast<const Element*>(block.w.panels));
}

}  // namespace

LW_KERNELS(HalfKernels, half_kernels) = {{multiply<F16>, ExactTiles<F16>::kMaxRows},
                                         {multiply<Bf16>, ExactTiles<Bf16>::kMaxRows}};

}  // namespace lanewise::ops::LW_ISA_NAME
