#pragma once

#include "ops/isa.hpp"

namespace lanewise::ops {

/// The kernels of one operator for each instruction set, which ops/kernel_table.hpp defines.
template <class Table>
struct KernelTables;

template <class Table>
const Table& kernels_for(Isa isa) noexcept {
  return KernelTables<Table>::of(isa);
}

}  // namespace lanewise::ops
