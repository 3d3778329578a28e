#pragma once

#include "lanewise/cpu.hpp"
#include "ops/dispatch.hpp"

namespace lanewise::ops {

using lanewise::Arithmetic;

/// The most operations a second, in units of 1e9, that one thread reaches with `isa` when nothing
/// but multiply-adds in registers is asked of it; a multiply-add counts 2.
///
/// What a kernel reaches is quoted as a fraction of this, measured beside it: the clock depends on
/// the temperature, the instruction set and on who else is there. Runs on the calling thread for
/// about `seconds`; for several threads call it on each at the same time and add.
///
/// isa         available on this CPU
/// arithmetic  kI8 is of dot products of unsigned by signed bytes. kBf16 is that of f32 where there
///             is no instruction for it: widening such numbers is not counted.
/// seconds     > 0; 0.1 suffices on a quiet machine
/// Thread-safe.
double measure_peak_gops(Isa isa, Arithmetic arithmetic, double seconds);

/// measure_peak_gops() of f32.
double measure_fma_peak_gflops(Isa isa, double seconds);

}  // namespace lanewise::ops
