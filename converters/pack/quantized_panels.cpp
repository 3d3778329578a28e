#include "converters/pack/quantized_panels.hpp"

#include <bit>
#include <cstring>
#include <numeric>
#include <utility>

#include "converters/pack/panels.hpp"
#include "converters/quantize/quantize_rows.hpp"

namespace lanewise::converters {
namespace {

// Inputs that stand together in a panel of 16 features: a dword of 8-bit numbers, and of 4-bit
// numbers two dwords in one.
constexpr int64_t kQuad = 4;
constexpr int64_t kOctet = 8;

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

template <typename T>
PackedRole make_role(std::string role, DataType type, Shape shape, const std::vector<T>& values) {
  PackedRole packed{std::move(role), type, std::move(shape), {}};
  packed.bytes.resize(values.size() * sizeof(T));
  if (!values.empty()) std::memcpy(packed.bytes.data(), values.data(), packed.bytes.size());
  return packed;
}

/// The nearest bf16, ties to even; a NaN stays one.
uint16_t to_bf16(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/// panels[p, i / together, j, i % together] = values[16 p + j, i]
template <typename To, typename From, typename Convert>
std::vector<To> interleave(const From* values, int64_t n, int64_t k, int64_t together,
                           Convert convert) {
  const int64_t steps = ceil_div(k, together);
  const int64_t step = kPanelWidth * together;
  std::vector<To> panels(static_cast<size_t>(ceil_div(n, kPanelWidth) * steps * step));
  for (int64_t row = 0; row < n; ++row) {
    To* to = panels.data() + row / kPanelWidth * steps * step + row % kPanelWidth * together;
    for (int64_t i = 0; i < k; ++i) {
      to[i / together * step + i % together] = convert(values[row * k + i]);
    }
  }
  return panels;
}

PackedRole pack_i8(const QuantizedMatrix& matrix) {
  auto panels = interleave<int8_t>(matrix.values.data(), matrix.n, matrix.k, kQuad,
                                   [](int8_t value) { return value; });
  return make_role("weight", DataType::kI8,
                   {ceil_div(matrix.n, kPanelWidth), ceil_div(matrix.k, kQuad), kPanelWidth, kQuad},
                   panels);
}

std::vector<int32_t> row_sums(const QuantizedMatrix& matrix) {
  std::vector<int32_t> sums(static_cast<size_t>(matrix.n));
  for (int64_t row = 0; row < matrix.n; ++row) {
    int32_t sum = 0;
    for (int64_t i = 0; i < matrix.k; ++i) {
      sum += matrix.values[static_cast<size_t>(row * matrix.k + i)];
    }
    sums[static_cast<size_t>(row)] = sum;
  }
  return sums;
}

/// The sums over the inputs of what the numbers stand for.
std::vector<float> dequantized_sums(const QuantizedMatrix& matrix) {
  const std::vector<float> values = dequantize(matrix);
  std::vector<float> sums;
  for (int64_t row = 0; row < matrix.n; ++row) {
    const auto begin = values.begin() + row * matrix.k;
    sums.push_back(static_cast<float>(std::accumulate(begin, begin + matrix.k, 0.0)));
  }
  return sums;
}

/// 64 bytes are 8 inputs of 16 features: byte 4 j + i holds input i of feature j in its lower half
/// and input 4 + i in its upper one.
PackedRole pack_i4(const QuantizedMatrix& matrix) {
  const int64_t groups = ceil_div(matrix.k, matrix.group);
  const int64_t steps = groups * matrix.group / kOctet;
  const int64_t step = kPanelWidth * kQuad;
  const int64_t panel_count = ceil_div(matrix.n, kPanelWidth);
  std::vector<uint8_t> panels(static_cast<size_t>(panel_count * steps * step));
  for (int64_t row = 0; row < matrix.n; ++row) {
    uint8_t* to = panels.data() + row / kPanelWidth * steps * step + row % kPanelWidth * kQuad;
    for (int64_t i = 0; i < matrix.k; ++i) {
      const auto value =
          static_cast<uint8_t>(matrix.values[static_cast<size_t>(row * matrix.k + i)]);
      const int shift = i % kOctet < kQuad ? 0 : 4;
      uint8_t& byte = to[i / kOctet * step + i % kQuad];
      byte = static_cast<uint8_t>(byte | value << shift);
    }
  }
  return make_role("weight", DataType::kU8, {panel_count, steps, step}, panels);
}

/// [n, groups] as [panels, groups, 16].
PackedRole pack_groups(std::string role, const QuantizedMatrix& matrix,
                       const std::vector<float>& values) {
  const int64_t groups = ceil_div(matrix.k, matrix.group);
  auto panels = interleave<float>(values.data(), matrix.n, groups, 1, [](float x) { return x; });
  return make_role(std::move(role), DataType::kF32,
                   {ceil_div(matrix.n, kPanelWidth), groups, kPanelWidth}, panels);
}

}  // namespace

std::vector<PackedRole> pack_quantized(const QuantizedMatrix& matrix) {
  std::vector<PackedRole> roles;
  if (matrix.type == WeightType::kI8) {
    roles.push_back(pack_i8(matrix));
    roles.push_back(make_role("weight_scale", DataType::kF32, {matrix.n}, matrix.scales));
    roles.push_back(make_role("weight_sum", DataType::kI32, {matrix.n}, row_sums(matrix)));
  } else {
    roles.push_back(pack_i4(matrix));
    roles.push_back(pack_groups("weight_scale", matrix, matrix.scales));
    if (!matrix.minimums.empty()) {
      roles.push_back(pack_groups("weight_minimum", matrix, matrix.minimums));
    }
    roles.push_back(make_role("weight_sum", DataType::kF32, {matrix.n}, dequantized_sums(matrix)));
  }
  if (!matrix.input_scale.empty()) {
    roles.push_back(make_role("input_scale", DataType::kF32, {matrix.k}, matrix.input_scale));
  }
  return roles;
}

PackedRole pack_bf16(std::span<const float> w, int64_t n, int64_t k) {
  constexpr int64_t kPair = 2;
  const auto panels = interleave<uint16_t>(w.data(), n, k, kPair, to_bf16);
  return make_role("weight", DataType::kBF16,
                   {ceil_div(n, kPanelWidth), ceil_div(k, kPair), kPanelWidth, kPair}, panels);
}

PackedRole table_bf16(std::span<const float> table, int64_t n, int64_t k) {
  std::vector<uint16_t> rows;
  rows.reserve(table.size());
  for (const float x : table) rows.push_back(to_bf16(x));
  return make_role("table", DataType::kBF16, {n, k}, rows);
}

std::vector<PackedRole> table_i8(const QuantizedMatrix& matrix) {
  std::vector<PackedRole> roles;
  roles.push_back(make_role("table", DataType::kI8, {matrix.n, matrix.k}, matrix.values));
  roles.push_back(make_role("table_scale", DataType::kF32, {matrix.n}, matrix.scales));
  return roles;
}

}  // namespace lanewise::converters
