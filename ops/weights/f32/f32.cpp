#include "ops/weights/f32/f32.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/status_macros.hpp"
#include "ops/weights/f32/f32_kernels.hpp"
#include "ops/weights/pack_tensors.hpp"
#include "ops/weights/weight.hpp"

#define LW_KERNEL_TABLE LinearKernels
#define LW_KERNEL_NAME linear_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

using Rows = std::array<const float*, kPanel>;  // Null: a row of zeros.

/// Columns [begin, begin + count) of 16 rows, transposed: out [count, 16].
///
/// The rows are first copied into a tile of their own: k is often a multiple of 1024, and then the
/// 16 rows fall into one set of the L1 cache, which holds 8 lines.
void transpose_columns(const Rows& rows, size_t begin, size_t count, float* out) {
  std::array<float, kPanel* kPanel> tile = {};  // [16, 16]
  for (size_t j = 0; j < kPanel; ++j) {
    if (rows[j] == nullptr) continue;
    std::memcpy(&tile[j * kPanel], rows[j] + begin, count * sizeof(float));
  }
  for (size_t i = 0; i < count; ++i) {
    for (size_t j = 0; j < kPanel; ++j) out[i * kPanel + j] = tile[j * kPanel + i];
  }
}

void pack_panel(const Rows& rows, size_t k, float* panel) {
  for (size_t i = 0; i < k; i += kPanel) {
    transpose_columns(rows, i, std::min(kPanel, k - i), panel + i * kPanel);
  }
}

constexpr std::string_view kSuffixes[] = {""};

Result<WeightPtr> bind(const WeightTensors& tensors, const WeightProblem& problem) {
  F32Panels stored;
  LW_ASSIGN_OR_RETURN(stored.panels,
                      tensors.get<float>("", DataType::kF32, {problem.panels(), problem.k, 16}));
  stored.panel_floats = kPanel * static_cast<size_t>(problem.k);
  return WeightPtr(std::make_shared<BoundWeight<F32Panels, LinearKernels>>(
      problem, stored, kernels_for<LinearKernels>(problem.isa)));
}

std::vector<PackedTensor> tensors(WeightFormat /*format*/, int64_t n, int64_t k) {
  return {{"", DataType::kF32, {ceil_div(n, 16), k, 16}, {}}};
}

PackedWeight pack(WeightFormat format, const float* w, int64_t n, int64_t k) {
  std::vector<float> panels(static_cast<size_t>(ceil_div(n, 16) * k * 16));
  const WeightRows rows{w, n};
  pack_panels({&rows, 1}, k, panels.data());
  return {format, {packed_tensor("", DataType::kF32, {ceil_div(n, 16), k, 16}, panels)}};
}

}  // namespace

void F32Panels::unpack_row(size_t row, size_t k, float* y) const noexcept {
  const float* from = panels + row / kPanel * panel_floats + row % kPanel;
  for (size_t i = 0; i < k; ++i) y[i] = from[i * kPanel];
}

void pack_panels(std::span<const WeightRows> parts, int64_t k, float* panels) {
  Rows rows = {};
  size_t filled = 0;
  const auto flush = [&] {
    pack_panel(rows, static_cast<size_t>(k), panels);
    panels += k * static_cast<int64_t>(kPanel);
    rows = {};
    filled = 0;
  };
  for (const WeightRows& part : parts) {
    for (int64_t row = 0; row < part.n; ++row) {
      rows[filled++] = part.w + row * k;
      if (filled == kPanel) flush();
    }
  }
  if (filled > 0) flush();
}

const LinearKernels& linear_kernels_for(Isa isa) noexcept {
  return kernels_for<LinearKernels>(isa);
}

const WeightCode f32_code{.suffixes = kSuffixes,
                          .step = fixed_step<1, 64>,
                          .rounds_rows = false,
                          .bind = bind,
                          .rows = rows_of_panels,
                          .pack = pack,
                          .tensors = tensors,
                          .pack_integers = nullptr};

}  // namespace lanewise::ops
