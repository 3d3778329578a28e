#include "ops/roofline/roofline.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include "ops/roofline/roofline_kernels.hpp"

#define LW_KERNEL_TABLE RooflineKernels
#define LW_KERNEL_NAME roofline_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

using Clock = std::chrono::steady_clock;

// A slice of a quarter to one millisecond: far above the clock's resolution, and short beside a
// scheduler's, so that most slices of a busy machine were not interrupted.
constexpr size_t kStepsPerSlice = 200'000;

double seconds_of_slice(const RooflineKernels& kernels) {
  const auto begin = Clock::now();
  // The compiler may not drop a call through a pointer, and the sum keeps the kernel's work alive.
  volatile float sink = kernels.multiply_add(kStepsPerSlice);
  static_cast<void>(sink);
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

double measure_fma_peak_gflops(Isa isa, double seconds) {
  const RooflineKernels& kernels = kernels_for(isa);
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  std::vector<double> slices;
  do {
    slices.push_back(seconds_of_slice(kernels));
  } while (Clock::now() < end);
  // The tenth-fastest of a hundred. The fastest may be one that ran while a sibling thread of the
  // same core had not begun or was already done.
  const auto tenth = slices.begin() + static_cast<std::ptrdiff_t>(slices.size() / 10);
  std::nth_element(slices.begin(), tenth, slices.end());
  const double operations =
      2.0 * static_cast<double>(kStepsPerSlice) * static_cast<double>(kernels.floats_per_step);
  return operations / *tenth / 1e9;
}

}  // namespace lanewise::ops
