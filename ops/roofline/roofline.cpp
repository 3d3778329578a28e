#include "ops/roofline/roofline.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <vector>

#include "ops/roofline/roofline_kernels.hpp"

#define LW_KERNEL_TABLE RooflineKernels
#define LW_KERNEL_NAME roofline_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

using Clock = std::chrono::steady_clock;

// A slice takes a quarter to one millisecond: far above the clock's resolution, and short compared
// with a scheduler's, so that most slices are not interrupted on a busy machine.
constexpr size_t kStepsPerSlice = 200'000;

// Operands of the dot products. Sums of ones stay below 2^20 in a slice: exact and finite.
constexpr uint16_t kBf16One = 0x3f80;
struct Ones {
  uint8_t u8[64];
  int8_t i8[64];
  uint16_t bf16[32];
};

Ones make_ones() {
  Ones ones;
  std::fill(std::begin(ones.u8), std::end(ones.u8), uint8_t{1});
  std::fill(std::begin(ones.i8), std::end(ones.i8), int8_t{1});
  std::fill(std::begin(ones.bf16), std::end(ones.bf16), kBf16One);
  return ones;
}

/// The arithmetic that `isa` supports: no bf16 without an instruction for it.
Arithmetic possible(const RooflineKernels& kernels, Arithmetic arithmetic) {
  const bool widened = arithmetic == Arithmetic::kBf16 && kernels.dot_bf16 == nullptr;
  return widened ? Arithmetic::kF32 : arithmetic;
}

double multiply_adds_per_step(const RooflineKernels& kernels, Arithmetic arithmetic) {
  switch (arithmetic) {
    case Arithmetic::kF32:
      return static_cast<double>(kernels.floats_per_step);
    case Arithmetic::kI8:
      return 64.0 * static_cast<double>(kernels.i8_chains);
    case Arithmetic::kBf16:
      return 32.0 * static_cast<double>(kernels.bf16_chains);
  }
  return 0.0;
}

float run_slice(const RooflineKernels& kernels, Arithmetic arithmetic, const Ones& ones) {
  switch (arithmetic) {
    case Arithmetic::kF32:
      return kernels.multiply_add(kStepsPerSlice);
    case Arithmetic::kI8: {
      return static_cast<float>(kernels.dot_i8(ones.u8, ones.i8, kStepsPerSlice));
    }
    case Arithmetic::kBf16:
      return kernels.dot_bf16(ones.bf16, ones.bf16, kStepsPerSlice);
  }
  return 0.0f;
}

double seconds_of_slice(const RooflineKernels& kernels, Arithmetic arithmetic, const Ones& ones) {
  const auto begin = Clock::now();
  // The compiler may not drop a call through a pointer, and the sum keeps the kernel's work alive.
  volatile float sink = run_slice(kernels, arithmetic, ones);
  static_cast<void>(sink);
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

double measure_peak_gops(Isa isa, Arithmetic wanted, double seconds) {
  const RooflineKernels& kernels = kernels_for<RooflineKernels>(isa);
  const Arithmetic arithmetic = possible(kernels, wanted);
  const Ones ones = make_ones();
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  std::vector<double> slices;
  do {
    slices.push_back(seconds_of_slice(kernels, arithmetic, ones));
  } while (Clock::now() < end);
  // The tenth-fastest of a hundred. The fastest may have run before a sibling thread of the same
  // core began or after it finished.
  const auto tenth = slices.begin() + static_cast<std::ptrdiff_t>(slices.size() / 10);
  std::nth_element(slices.begin(), tenth, slices.end());
  const double operations =
      2.0 * static_cast<double>(kStepsPerSlice) * multiply_adds_per_step(kernels, arithmetic);
  return operations / *tenth / 1e9;
}

double measure_fma_peak_gflops(Isa isa, double seconds) {
  return measure_peak_gops(isa, Arithmetic::kF32, seconds);
}

}  // namespace lanewise::ops
