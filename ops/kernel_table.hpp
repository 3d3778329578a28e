/// Declares the kernel tables of one operator and the function that picks among them. No include
/// guard: an operator's .cpp defines two macros and includes this file once.
///
///   #define LW_KERNEL_TABLE LinearKernels      // the struct of function pointers
///   #define LW_KERNEL_NAME linear_kernels      // the constant that <op>_kernels.cpp defines
///   #include "ops/kernel_table.hpp"            // kernels_for<LinearKernels>(isa)

#include "ops/isa.hpp"
#include "ops/kernels_for.hpp"

// Declares a table for every instruction set; those without a table are never referenced.
#define LW_ISA(name, ...)                      \
  namespace lanewise::ops::name {              \
  extern const LW_KERNEL_TABLE LW_KERNEL_NAME; \
  }
#include "ops/isas.def"
#undef LW_ISA

namespace lanewise::ops {

template <>
struct KernelTables<LW_KERNEL_TABLE> {
  /// The table that was compiled for kIsa, or null if this build leaves it out. Discarded branches
  /// reference nothing, so the linker does not need tables that were never compiled.
  template <Isa kIsa>
  static constexpr const LW_KERNEL_TABLE* compiled() noexcept {
#define LW_ISA(name, ...) \
  if constexpr (kIsa == Isa::name && LW_HAS_KERNELS_##name) return &name::LW_KERNEL_NAME;
#include "ops/isas.def"
#undef LW_ISA
    return nullptr;
  }

  static const LW_KERNEL_TABLE& of(Isa isa) noexcept {
    static constexpr const LW_KERNEL_TABLE* kTables[] = {
#define LW_ISA(name, ...) compiled<kernels_isa<LW_KERNEL_TABLE>(Isa::name)>(),
#include "ops/isas.def"
#undef LW_ISA
    };
    return *kTables[static_cast<size_t>(isa)];
  }
};

}  // namespace lanewise::ops

#undef LW_KERNEL_TABLE
#undef LW_KERNEL_NAME
