#pragma once

#include "ops/linear/linear_bf16_kernels.hpp"
#include "ops/linear/linear_i4_kernels.hpp"
#include "ops/linear/linear_i8_kernels.hpp"
#include "ops/linear/linear_kernels.hpp"

namespace lanewise::ops {

/// The kernels of each type of weight on an instruction set.
const LinearKernels& linear_kernels_for(Isa isa) noexcept;
const LinearBf16Kernels& linear_bf16_kernels_for(Isa isa) noexcept;
const LinearI8Kernels& linear_i8_kernels_for(Isa isa) noexcept;
const LinearI4Kernels& linear_i4_kernels_for(Isa isa) noexcept;

}  // namespace lanewise::ops
