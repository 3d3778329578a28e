#include "ops/weights/bf16/bf16.hpp"

#include <bit>
#include <cstring>

#include "base/status_macros.hpp"
#include "ops/weights/bf16/bf16_kernels.hpp"
#include "ops/weights/pack_tensors.hpp"
#include "ops/weights/weight.hpp"

#define LW_KERNEL_TABLE LinearBf16Kernels
#define LW_KERNEL_NAME linear_bf16_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

constexpr int64_t kPair = 2;
constexpr std::string_view kSuffixes[] = {""};

Result<WeightPtr> bind(const WeightTensors& tensors, const WeightProblem& problem) {
  Bf16Panels stored;
  const int64_t steps = ceil_div(problem.k, kPair);
  LW_ASSIGN_OR_RETURN(stored.panels, tensors.get<std::byte>("", DataType::kBF16,
                                                            {problem.panels(), steps, 16, kPair}));
  stored.panel_bytes = static_cast<size_t>(steps) * 64;
  return WeightPtr(std::make_shared<BoundWeight<Bf16Panels, LinearBf16Kernels>>(
      problem, stored, kernels_for<LinearBf16Kernels>(problem.isa)));
}

std::vector<PackedTensor> tensors(WeightFormat /*format*/, int64_t n, int64_t k) {
  return {{"", DataType::kBF16, {ceil_div(n, 16), ceil_div(k, kPair), 16, kPair}, {}}};
}

PackedWeight pack(WeightFormat format, const float* w, int64_t n, int64_t k) {
  const auto panels = interleave<uint16_t>(w, n, k, kPair, to_bf16);
  const Shape shape = tensors(format, n, k).front().shape;
  return {format, {packed_tensor("", DataType::kBF16, shape, panels)}};
}

}  // namespace

uint16_t to_bf16(float x) noexcept {
  const auto bits = std::bit_cast<uint32_t>(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float from_bf16(uint16_t x) noexcept {
  return std::bit_cast<float>(static_cast<uint32_t>(x) << 16);
}

void Bf16Panels::unpack_row(size_t row, size_t k, float* y) const noexcept {
  const std::byte* from = panels + row / kPanel * panel_bytes + row % kPanel * sizeof(uint32_t);
  for (size_t i = 0; i < k; ++i) {
    uint16_t bits;
    std::memcpy(&bits, from + i / 2 * 64 + i % 2 * sizeof(bits), sizeof(bits));
    y[i] = from_bf16(bits);
  }
}

const LinearBf16Kernels& linear_bf16_kernels_for(Isa isa) noexcept {
  return kernels_for<LinearBf16Kernels>(isa);
}

const WeightCode bf16_code{.suffixes = kSuffixes,
                           .step = fixed_step<kPair, 64>,
                           .rounds_rows = false,
                           .bind = bind,
                           .rows = rows_of_panels,
                           .pack = pack,
                           .tensors = tensors,
                           .pack_integers = nullptr};

}  // namespace lanewise::ops
