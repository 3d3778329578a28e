#include "lanewise/cpu.hpp"

#include <array>
#include <cmath>
#include <string>

#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "ops/cache_sizes.hpp"
#include "ops/dispatch.hpp"
#include "ops/roofline/read_bandwidth.hpp"
#include "ops/roofline/roofline.hpp"
#include "ops/weights/f32/f32_kernels.hpp"
#include "ops/weights/weight_format.hpp"

namespace lanewise {
std::span<const InstructionSet> instruction_sets() noexcept {
  static const auto kSets = [] {
    std::array<InstructionSet, ops::kIsaCount> sets;
    size_t count = 0;
    for (const ops::Isa isa : ops::all_isas()) {
      sets[count++] = {.name = ops::name_of(isa),
                       .f32_kernels = ops::name_of(ops::kernels_isa<ops::LinearKernels>(isa)),
                       .available = ops::is_available(isa)};
    }
    return sets;
  }();
  return std::span(kSets).first(ops::all_isas().size());
}

Result<std::string_view> choose_isa(std::string_view name) {
  return base::no_throw([&]() -> Result<std::string_view> {
    LW_ASSIGN_OR_RETURN(const ops::Isa isa,
                        name.empty() ? ops::default_isa() : ops::find_isa(name));
    return ops::name_of(isa);
  });
}

CacheSizes cache_sizes() noexcept {
  const ops::CacheSizes& sizes = ops::cache_sizes();
  return {.l1 = static_cast<int64_t>(sizes.l1),
          .l2 = static_cast<int64_t>(sizes.l2),
          .l3 = static_cast<int64_t>(sizes.l3)};
}

Arithmetic arithmetic_of(std::string_view weights) noexcept {
  for (const ops::WeightFormatInfo& info : ops::weight_formats()) {
    if (ops::label_of(info) != weights) continue;
    if (ops::rounds_rows(info.format)) return Arithmetic::kI8;
    if (info.format == ops::WeightFormat::bf16) return Arithmetic::kBf16;
  }
  return Arithmetic::kF32;
}

Result<double> measure_peak_gops(std::string_view isa, Arithmetic arithmetic, double seconds) {
  return base::no_throw([&]() -> Result<double> {
    LW_ASSIGN_OR_RETURN(const ops::Isa found, ops::find_isa(isa));
    if (!(seconds > 0.0) || !std::isfinite(seconds)) {
      return invalid_argument("a measurement of " + std::to_string(seconds) +
                              " seconds: expected a number above 0");
    }
    return ops::measure_peak_gops(found, arithmetic, seconds);
  });
}

Result<double> measure_read_gbps(std::span<const float> memory) {
  return base::no_throw([&]() -> Result<double> {
    if (memory.size_bytes() < static_cast<size_t>(kLeastReadBytes)) {
      return invalid_argument("reading " + std::to_string(memory.size_bytes()) +
                              " bytes: expected at least " + std::to_string(kLeastReadBytes));
    }
    return ops::measure_read_gbps(memory);
  });
}

}  // namespace lanewise
