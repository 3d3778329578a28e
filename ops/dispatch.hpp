#pragma once

#include <span>
#include <string_view>

#include "lanewise/status.hpp"
#include "ops/isa.hpp"

namespace lanewise::ops {

/// All instruction sets of this build, worst first.
std::span<const Isa> all_isas() noexcept;

/// The name in ops/isas.def.
std::string_view name_of(Isa isa) noexcept;

/// Whether this CPU, and the state that its operating system saves, can run `isa`.
bool is_available(Isa isa) noexcept;

/// The best instruction set that this CPU has.
Isa best_isa() noexcept;

/// The instruction set called `name`. Fails with kInvalidArgument, listing the available ones,
/// when there is none of that name or this CPU lacks it.
Result<Isa> find_isa(std::string_view name);

/// What LANEWISE_ISA asks for, else best_isa(). Fails as find_isa() does.
Result<Isa> default_isa();

}  // namespace lanewise::ops
