#include "ops/attention/attention_bf16_kernels.hpp"

#define LW_KERNEL_TABLE AttentionBf16Kernels
#define LW_KERNEL_NAME attention_bf16_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {

const AttentionBf16Kernels& attention_bf16_kernels_for(Isa isa) noexcept {
  return kernels_for<AttentionBf16Kernels>(isa);
}

}  // namespace lanewise::ops
