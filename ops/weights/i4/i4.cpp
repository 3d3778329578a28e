#include "ops/weights/i4/i4.hpp"

#include <algorithm>
#include <cmath>

#include "base/status_macros.hpp"
#include "ops/weights/i4/i4_kernels.hpp"
#include "ops/weights/pack_tensors.hpp"
#include "ops/weights/weight.hpp"

#define LW_KERNEL_TABLE LinearI4Kernels
#define LW_KERNEL_NAME linear_i4_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

// Inputs stored together: 4 bytes hold two such groups, as the halves of the bytes.
constexpr int64_t kQuad = 4;
constexpr int64_t kOctet = 8;
constexpr std::string_view kSuffixes[] = {"", "_scale", "_minimum", "_sum", kInputScale};

Result<WeightPtr> bind(const WeightTensors& tensors, const WeightProblem& problem) {
  LW_RETURN_IF_ERROR(expect_exact_sums(problem.k));
  const int64_t groups = ceil_div(problem.k, problem.block);
  const int64_t steps = groups * problem.block / kOctet;
  const Shape scales{problem.panels(), groups, 16};
  I4Panels stored;
  LW_ASSIGN_OR_RETURN(stored.panels,
                      tensors.get<std::byte>("", DataType::kU8, {problem.panels(), steps, 64}));
  stored.panel_bytes = static_cast<size_t>(steps) * 64;
  stored.group = static_cast<size_t>(problem.block);
  stored.groups = static_cast<size_t>(groups);
  LW_ASSIGN_OR_RETURN(stored.scale, tensors.get<float>("_scale", DataType::kF32, scales));
  LW_ASSIGN_OR_RETURN(stored.minimum, tensors.optional<float>("_minimum", DataType::kF32, scales));
  LW_ASSIGN_OR_RETURN(stored.total, tensors.get<float>("_sum", DataType::kF32, {problem.n}));
  LW_ASSIGN_OR_RETURN(stored.input_scale,
                      tensors.optional<float>(kInputScale, DataType::kF32, {problem.k}));
  return WeightPtr(std::make_shared<BoundWeight<I4Panels, LinearI4Kernels>>(
      problem, stored, kernels_for<LinearI4Kernels>(problem.isa)));
}

/// The number of rows that have a sum.
int64_t rows(const WeightTensors& tensors) {
  const TensorView* sum = tensors.find("_sum");
  return sum != nullptr && sum->shape.size() == 1 ? sum->shape[0] : 0;
}

/// 64 bytes are 8 inputs of 16 features: byte 4 j + i holds input i of feature j in its lower half
/// and input 4 + i in its upper half.
PackedTensor pack_panels(const QuantizedMatrix& matrix) {
  const int64_t steps = matrix.groups() * matrix.group / kOctet;
  const int64_t panels = ceil_div(matrix.n, 16);
  std::vector<uint8_t> bytes(static_cast<size_t>(panels * steps * 64));
  for (int64_t row = 0; row < matrix.n; ++row) {
    uint8_t* to = bytes.data() + row / 16 * steps * 64 + row % 16 * kQuad;
    for (int64_t i = 0; i < matrix.k; ++i) {
      const auto value =
          static_cast<uint8_t>(matrix.values[static_cast<size_t>(row * matrix.k + i)]);
      uint8_t& byte = to[i / kOctet * 64 + i % kQuad];
      byte = static_cast<uint8_t>(byte | value << (i % kOctet < kQuad ? 0 : 4));
    }
  }
  return packed_tensor("", DataType::kU8, {panels, steps, 64}, bytes);
}

/// Packs [n, groups] as [panels, groups, 16].
PackedTensor pack_groups(const char* suffix, const QuantizedMatrix& matrix,
                         const std::vector<float>& values) {
  const auto panels =
      interleave<float>(values.data(), matrix.n, matrix.groups(), 1, [](float x) { return x; });
  return packed_tensor(suffix, DataType::kF32, {ceil_div(matrix.n, 16), matrix.groups(), 16},
                       panels);
}

PackedWeight pack_integers(const QuantizedMatrix& matrix) {
  PackedWeight packed{.format = matrix.format, .tensors = {}};
  packed.tensors.push_back(pack_panels(matrix));
  packed.tensors.push_back(pack_groups("_scale", matrix, matrix.scales));
  if (!matrix.minimums.empty()) {
    packed.tensors.push_back(pack_groups("_minimum", matrix, matrix.minimums));
  }
  std::vector<float> sums;
  for (int64_t row = 0; row < matrix.n; ++row) {
    double sum = 0.0;
    for (int64_t i = 0; i < matrix.k; ++i) sum += matrix.weight(row, i);
    sums.push_back(static_cast<float>(sum));
  }
  packed.tensors.push_back(packed_tensor("_sum", DataType::kF32, {matrix.n}, sums));
  if (!matrix.input_scale.empty()) {
    packed.tensors.push_back(
        packed_tensor(std::string(kInputScale), DataType::kF32, {matrix.k}, matrix.input_scale));
  }
  return packed;
}

/// The smallest weight of a group becomes 0, the largest 15.
PackedWeight pack(WeightFormat format, const float* w, int64_t n, int64_t k) {
  QuantizedMatrix matrix{.format = format,
                         .n = n,
                         .k = k,
                         .group = info_of(format).block,
                         .values = {},
                         .scales = {},
                         .minimums = {},
                         .input_scale = {}};
  for (int64_t row = 0; row < n; ++row, w += k) {
    for (int64_t begin = 0; begin < k; begin += matrix.group) {
      const int64_t end = std::min(k, begin + matrix.group);
      const auto [low, high] = std::minmax_element(w + begin, w + end);
      const float scale = (*high - *low) / 15.0f;
      for (int64_t i = begin; i < end; ++i) {
        const float q = scale > 0.0f ? std::nearbyint((w[i] - *low) / scale) : 0.0f;
        matrix.values.push_back(static_cast<int8_t>(std::clamp(q, 0.0f, 15.0f)));
      }
      matrix.scales.push_back(scale);
      matrix.minimums.push_back(*low);
    }
  }
  return pack_integers(matrix);
}

}  // namespace

void I4Panels::unpack_row(size_t row, size_t k, float* y) const noexcept {
  const size_t panel = row / kPanel, feature = row % kPanel;
  const auto* from = reinterpret_cast<const uint8_t*>(panels + panel * panel_bytes) + feature * 4;
  for (size_t i = 0; i < k; ++i) {
    const uint32_t byte = from[i / 8 * 64 + i % 4];
    const auto u = static_cast<float>(i % 8 < 4 ? byte & 15 : byte >> 4);
    const size_t at = (panel * groups + i / group) * kPanel + feature;
    y[i] = scale[at] * u + (minimum == nullptr ? -8.0f * scale[at] : minimum[at]);
    if (input_scale != nullptr) y[i] *= input_scale[i];
  }
}

const LinearI4Kernels& linear_i4_kernels_for(Isa isa) noexcept {
  return kernels_for<LinearI4Kernels>(isa);
}

const WeightCode i4_code{.suffixes = kSuffixes,
                         .step = fixed_step<kOctet, 64>,
                         .rounds_rows = true,
                         .bind = bind,
                         .rows = rows,
                         .pack = pack,
                         .tensors = nullptr,
                         .pack_integers = pack_integers};

}  // namespace lanewise::ops
