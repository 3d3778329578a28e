#include "ops/linear/linear_tables.hpp"

#define LW_KERNEL_TABLE LinearBf16Kernels
#define LW_KERNEL_NAME linear_bf16_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {

const LinearBf16Kernels& linear_bf16_kernels_for(Isa isa) noexcept { return kernels_for(isa); }

}  // namespace lanewise::ops
