#pragma once

#include <cstddef>

namespace lanewise::ops {

/// The instruction sets that kernels are compiled for, worst first (ops/isas.def).
enum class Isa {
#define LW_ISA(name, ...) name,
#include "ops/isas.def"
#undef LW_ISA
};

inline constexpr size_t kIsaCount = 0
#define LW_ISA(...) +1  // NOLINT(bugprone-macro-parentheses)
#include "ops/isas.def"
#undef LW_ISA
    ;

/// The instruction set that `isa` extends; itself if it extends none.
constexpr Isa parent_of(Isa isa) noexcept {
  constexpr Isa kParents[] = {
#define LW_ISA(name, parent, ...) Isa::parent,
#include "ops/isas.def"
#undef LW_ISA
  };
  return kParents[static_cast<size_t>(isa)];
}

constexpr bool parents_come_first() {
  for (size_t i = 0; i < kIsaCount; ++i) {
    if (parent_of(static_cast<Isa>(i)) > static_cast<Isa>(i)) return false;
  }
  return true;
}
static_assert(parents_come_first(), "ops/isas.def: a parent stands before what extends it");

/// Whether a `Table` of kernels is compiled for `isa`: for every instruction set that extends none,
/// and for those that the table names in `static constexpr Isa kAlsoFor[]`. CMake reads that line
/// too, in <op>_kernels.hpp, and compiles <op>_kernels.cpp for them.
template <typename Table>
constexpr bool has_kernels(Isa isa) noexcept {
  if (parent_of(isa) == isa) return true;
  if constexpr (requires { Table::kAlsoFor; }) {
    for (const Isa also : Table::kAlsoFor) {
      if (also == isa) return true;
    }
  }
  return false;
}

/// The instruction set whose `Table` runs on a CPU with `isa`: the first of `isa`, its parent, the
/// parent's parent, ... that has one.
template <typename Table>
constexpr Isa kernels_isa(Isa isa) noexcept {
  while (!has_kernels<Table>(isa)) isa = parent_of(isa);
  return isa;
}

}  // namespace lanewise::ops
