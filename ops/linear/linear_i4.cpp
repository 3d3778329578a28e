#include "ops/linear/linear_tables.hpp"

#define LW_KERNEL_TABLE LinearI4Kernels
#define LW_KERNEL_NAME linear_i4_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {

const LinearI4Kernels& linear_i4_kernels_for(Isa isa) noexcept { return kernels_for(isa); }

}  // namespace lanewise::ops
