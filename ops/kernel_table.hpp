/// Declares the kernel tables of one operator and the function that picks among them. No include
/// guard: an operator's .cpp defines two macros and includes this file once.
///
///   #define LW_KERNEL_TABLE LinearKernels      // the struct of function pointers
///   #define LW_KERNEL_NAME linear_kernels      // the constant that <op>_kernels.cpp defines
///   #include "ops/kernel_table.hpp"            // const LinearKernels& kernels_for(Isa)

#define LW_ISA(name, flags, condition)         \
  namespace lanewise::ops::name {              \
  extern const LW_KERNEL_TABLE LW_KERNEL_NAME; \
  }
#include "ops/isas.def"
#undef LW_ISA

namespace lanewise::ops {
namespace {

const LW_KERNEL_TABLE& kernels_for(Isa isa) noexcept {
  static constexpr const LW_KERNEL_TABLE* kTables[] = {
#define LW_ISA(name, flags, condition) &name::LW_KERNEL_NAME,
#include "ops/isas.def"
#undef LW_ISA
  };
  return *kTables[static_cast<int>(isa)];
}

}  // namespace
}  // namespace lanewise::ops

#undef LW_KERNEL_TABLE
#undef LW_KERNEL_NAME
