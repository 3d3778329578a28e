#pragma once

#include <span>
#include <string_view>

#include "lanewise/status.hpp"
#include "ops/isa.hpp"

namespace lanewise::ops {

/// All instruction sets of this build (those of ops/isas.def but for what CMake's LANEWISE_ISAS leaves
/// out), slowest first.
std::span<const Isa> all_isas() noexcept;

/// The name in ops/isas.def.
std::string_view name_of(Isa isa) noexcept;

/// Whether this build has kernels for `isa`, the CPU has it and the operating system saves its
/// registers.
bool is_available(Isa isa) noexcept;

/// The best instruction set that this CPU has.
Isa best_isa() noexcept;

/// The instruction set called `name`. Fails with kInvalidArgument, listing the available ones, if
/// the name is unknown or this CPU lacks it.
Result<Isa> find_isa(std::string_view name);

/// The instruction set named by LANEWISE_ISA, else best_isa(). Fails as find_isa() does.
Result<Isa> default_isa();

}  // namespace lanewise::ops
