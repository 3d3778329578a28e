#include "ops/linear/linear_tables.hpp"

#define LW_KERNEL_TABLE LinearKernels
#define LW_KERNEL_NAME linear_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {

const LinearKernels& linear_kernels_for(Isa isa) noexcept { return kernels_for(isa); }

}  // namespace lanewise::ops
