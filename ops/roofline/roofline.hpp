#pragma once

#include "lanewise/cpu.hpp"
#include "ops/dispatch.hpp"

namespace lanewise::ops {

using lanewise::Arithmetic;

/// The highest rate, in 1e9 operations per second, that one thread reaches with `isa` on
/// multiply-adds in registers alone; a multiply-add counts 2.
///
/// The speed of a kernel is quoted as a fraction of this, measured next to it: the clock depends on
/// the temperature, the instruction set and the load of the machine. Runs on the calling thread for
/// about `seconds`; for several threads call it on each at the same time and add.
///
/// isa         available on this CPU
/// arithmetic  kI8: dot products of unsigned by signed bytes. kBf16: the rate of f32 if there is no
///             instruction for it; the conversion of the numbers is not counted.
/// seconds     > 0; 0.1 suffices on a quiet machine
/// Thread-safe.
double measure_peak_gops(Isa isa, Arithmetic arithmetic, double seconds);

/// measure_peak_gops() of f32.
double measure_fma_peak_gflops(Isa isa, double seconds);

}  // namespace lanewise::ops
