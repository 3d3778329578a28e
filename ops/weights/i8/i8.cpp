#include "ops/weights/i8/i8.hpp"

#include <algorithm>
#include <cmath>

#include "base/status_macros.hpp"
#include "ops/weights/i8/i8_kernels.hpp"
#include "ops/weights/pack_tensors.hpp"
#include "ops/weights/weight.hpp"

#define LW_KERNEL_TABLE LinearI8Kernels
#define LW_KERNEL_NAME linear_i8_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

constexpr int64_t kQuad = 4;  // inputs stored together: 4 bytes
constexpr std::string_view kSuffixes[] = {"", "_scale", "_sum", kInputScale};

Result<WeightPtr> bind(const WeightTensors& tensors, const WeightProblem& problem) {
  LW_RETURN_IF_ERROR(expect_exact_sums(problem.k));
  I8Panels stored;
  const int64_t steps = ceil_div(problem.k, kQuad);
  LW_ASSIGN_OR_RETURN(stored.panels, tensors.get<std::byte>("", DataType::kI8,
                                                            {problem.panels(), steps, 16, kQuad}));
  stored.panel_bytes = static_cast<size_t>(steps) * 64;
  LW_ASSIGN_OR_RETURN(stored.scale, tensors.get<float>("_scale", DataType::kF32, {problem.n}));
  LW_ASSIGN_OR_RETURN(stored.sum, tensors.get<int32_t>("_sum", DataType::kI32, {problem.n}));
  LW_ASSIGN_OR_RETURN(stored.input_scale,
                      tensors.optional<float>(kInputScale, DataType::kF32, {problem.k}));
  return WeightPtr(std::make_shared<BoundWeight<I8Panels, LinearI8Kernels>>(
      problem, stored, kernels_for<LinearI8Kernels>(problem.isa)));
}

/// The number of rows that have a scale: the last panel may have room for more.
int64_t rows(const WeightTensors& tensors) {
  const TensorView* scale = tensors.find("_scale");
  return scale != nullptr && scale->shape.size() == 1 ? scale->shape[0] : 0;
}

PackedWeight pack_integers(const QuantizedMatrix& matrix) {
  const int64_t n = matrix.n, k = matrix.k;
  const auto panels =
      interleave<int8_t>(matrix.values.data(), n, k, kQuad, [](int8_t value) { return value; });
  std::vector<int32_t> sums(static_cast<size_t>(n));
  for (int64_t row = 0; row < n; ++row) {
    const auto begin = matrix.values.begin() + row * k;
    int32_t sum = 0;
    std::for_each(begin, begin + k, [&](int8_t value) { sum += value; });
    sums[static_cast<size_t>(row)] = sum;
  }
  PackedWeight packed{.format = matrix.format, .tensors = {}};
  packed.tensors.push_back(
      packed_tensor("", DataType::kI8, {ceil_div(n, 16), ceil_div(k, kQuad), 16, kQuad}, panels));
  packed.tensors.push_back(packed_tensor("_scale", DataType::kF32, {n}, matrix.scales));
  packed.tensors.push_back(packed_tensor("_sum", DataType::kI32, {n}, sums));
  if (!matrix.input_scale.empty()) {
    packed.tensors.push_back(
        packed_tensor(std::string(kInputScale), DataType::kF32, {k}, matrix.input_scale));
  }
  return packed;
}

/// The largest weight of a row becomes 127.
PackedWeight pack(WeightFormat format, const float* w, int64_t n, int64_t k) {
  QuantizedMatrix matrix{.format = format,
                         .n = n,
                         .k = k,
                         .group = k,
                         .values = {},
                         .scales = {},
                         .minimums = {},
                         .input_scale = {}};
  for (int64_t row = 0; row < n; ++row, w += k) {
    float largest = 0.0f;
    for (int64_t i = 0; i < k; ++i) largest = std::max(largest, std::abs(w[i]));
    const float scale = largest / 127.0f;
    matrix.scales.push_back(scale);
    for (int64_t i = 0; i < k; ++i) {
      const float q = scale > 0.0f ? std::nearbyint(w[i] / scale) : 0.0f;
      matrix.values.push_back(static_cast<int8_t>(std::clamp(q, -127.0f, 127.0f)));
    }
  }
  return pack_integers(matrix);
}

}  // namespace

void I8Panels::unpack_row(size_t row, size_t k, float* y) const noexcept {
  const auto* from = reinterpret_cast<const int8_t*>(panels + row / kPanel * panel_bytes) +
                     row % kPanel * static_cast<size_t>(kQuad);
  for (size_t i = 0; i < k; ++i) {
    const int8_t q = from[i / 4 * 64 + i % 4];
    y[i] = scale[row] * static_cast<float>(q);
    if (input_scale != nullptr) y[i] *= input_scale[i];
  }
}

const LinearI8Kernels& linear_i8_kernels_for(Isa isa) noexcept {
  return kernels_for<LinearI8Kernels>(isa);
}

const WeightCode i8_code{.suffixes = kSuffixes,
                         .step = fixed_step<kQuad, 64>,
                         .rounds_rows = true,
                         .bind = bind,
                         .rows = rows,
                         .pack = pack,
                         .tensors = nullptr,
                         .pack_integers = pack_integers};

}  // namespace lanewise::ops
