#include "ops/linear/linear_tables.hpp"

#define LW_KERNEL_TABLE LinearI8Kernels
#define LW_KERNEL_NAME linear_i8_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {

const LinearI8Kernels& linear_i8_kernels_for(Isa isa) noexcept { return kernels_for(isa); }

}  // namespace lanewise::ops
