#include "ops/weights/half/half.hpp"

#include <bit>
#include <cstring>

#include "base/half.hpp"
#include "base/status_macros.hpp"
#include "ops/weights/bf16/bf16.hpp"
#include "ops/weights/half/half_kernels.hpp"
#include "ops/weights/pack_tensors.hpp"
#include "ops/weights/weight.hpp"

#define LW_KERNEL_TABLE HalfKernels
#define LW_KERNEL_NAME half_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

constexpr std::string_view kSuffixes[] = {""};

Result<WeightPtr> bind(const WeightTensors& tensors, const WeightProblem& problem) {
  const bool is_f16 = problem.format == WeightFormat::f16;
  HalfPanels stored;
  LW_ASSIGN_OR_RETURN(stored.panels,
                      tensors.get<uint16_t>("", is_f16 ? DataType::kF16 : DataType::kBF16,
                                            {problem.panels(), problem.k, 16}));
  stored.panel_halves = kPanel * static_cast<size_t>(problem.k);
  stored.widen = is_f16 ? base::half_to_f32 : base::bfloat16_to_f32;
  const HalfKernels& kernels = kernels_for<HalfKernels>(problem.isa);
  return WeightPtr(std::make_shared<BoundWeight<HalfPanels, HalfFormatKernels>>(
      problem, stored, is_f16 ? kernels.f16 : kernels.bf16));
}

std::vector<PackedTensor> tensors(WeightFormat format, int64_t n, int64_t k) {
  const DataType type = format == WeightFormat::f16 ? DataType::kF16 : DataType::kBF16;
  return {{"", type, {ceil_div(n, 16), k, 16}, {}}};
}

PackedWeight pack(WeightFormat format, const float* w, int64_t n, int64_t k) {
  PackedWeight weight = make_half_weight(format, n, k);
  std::vector<uint16_t> row(static_cast<size_t>(k));
  for (int64_t o = 0; o < n; ++o, w += k) {
    for (size_t i = 0; i < row.size(); ++i) {
      row[i] = format == WeightFormat::f16 ? to_f16(w[i]) : to_bf16(w[i]);
    }
    put_half_rows(weight, o, 1, reinterpret_cast<const std::byte*>(row.data()));
  }
  return weight;
}

}  // namespace

PackedWeight make_half_weight(WeightFormat format, int64_t n, int64_t k) {
  PackedWeight weight{format, tensors(format, n, k)};
  weight.tensors[0].bytes.resize(static_cast<size_t>(ceil_div(n, 16) * k * 16) * sizeof(uint16_t));
  return weight;
}

void put_half_rows(PackedWeight& weight, int64_t first, int64_t count, const std::byte* rows) {
  PackedTensor& panels = weight.tensors[0];
  const auto k = static_cast<size_t>(panels.shape[1]);
  for (auto row = static_cast<size_t>(first); row < static_cast<size_t>(first + count); ++row) {
    std::byte* to =
        panels.bytes.data() + (row / kPanel * k * kPanel + row % kPanel) * sizeof(uint16_t);
    for (size_t i = 0; i < k; ++i, rows += sizeof(uint16_t)) {
      std::memcpy(to + i * kPanel * sizeof(uint16_t), rows, sizeof(uint16_t));
    }
  }
}

uint16_t to_f16(float x) noexcept {
  const auto bits = std::bit_cast<uint32_t>(x);
  const uint32_t sign = bits >> 16 & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u);
  // 65520, halfway between the largest f16 and the next power of two.
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);
  if (magnitude < 0x38800000u) {
    // Below 2^-14: multiples of 2^-24. The sum has no room for anything smaller, so it rounds.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000u));
  }
  const uint32_t odd = magnitude >> 13 & 1u;
  const uint32_t rounded = magnitude - ((127u - 15u) << 23) + 0xfffu + odd;
  return static_cast<uint16_t>(sign | rounded >> 13);
}

void HalfPanels::unpack_row(size_t row, size_t k, float* y) const noexcept {
  const uint16_t* from = panels + row / kPanel * panel_halves + row % kPanel;
  for (size_t i = 0; i < k; ++i) y[i] = widen(from[i * kPanel]);
}

const WeightCode half_code{.suffixes = kSuffixes,
                           .step = fixed_step<1, 32>,
                           .rounds_rows = false,
                           .bind = bind,
                           .rows = rows_of_panels,
                           .pack = pack,
                           .tensors = tensors,
                           .pack_integers = nullptr};

}  // namespace lanewise::ops
