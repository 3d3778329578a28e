#pragma once

/// Weights of every format of weights.def, made from seeded random numbers. kFormatTests has a row for
/// each format.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/half.hpp"
#include "ops/weights/blocks/block_weight.hpp"
#include "ops/weights/half/half.hpp"
#include "ops/weights/kept_weight.hpp"
#include "ops/weights/weight.hpp"
#include "tests/ops/op_test.hpp"

namespace lanewise::ops::test {

/// A packed weight, and the values that it represents, computed here.
struct Source {
  PackedWeight packed;
  std::vector<float> values;       // [n, k]
  std::vector<float> input_scale;  // [k] or empty; powers of two, so that dividing is exact
};

inline Source f32_source(WeightFormat format, int64_t n, int64_t k) {
  const std::vector<float> w = Random(1).floats(static_cast<size_t>(n * k));
  return {pack_weight(format, w.data(), n, k), w, {}};
}

inline float nearest_bf16(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  return std::bit_cast<float>((bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u);
}

inline Source bf16_source(WeightFormat format, int64_t n, int64_t k) {
  Source source = f32_source(format, n, k);
  for (float& w : source.values) w = nearest_bf16(w);
  return source;
}

inline std::vector<float> powers_of_two(int64_t k) {
  std::vector<float> factors;
  for (int64_t i = 0; i < k; ++i) factors.push_back(i % 3 == 0 ? 0.5f : i % 3 == 1 ? 1.0f : 2.0f);
  return factors;
}

inline Source i8_source(WeightFormat format, int64_t n, int64_t k) {
  QuantizedMatrix matrix{.format = format, .n = n, .k = k, .group = k};
  for (const float x : Random(2).floats(static_cast<size_t>(n * k))) {
    matrix.values.push_back(static_cast<int8_t>(std::lrint(127 * x)));
  }
  matrix.scales = Random(3).floats(static_cast<size_t>(n), 0.01f);
  matrix.input_scale = powers_of_two(k);
  Source source{pack_weight(matrix), {}, matrix.input_scale};
  for (int64_t o = 0; o < n; ++o) {
    for (int64_t i = 0; i < k; ++i) {
      const auto q = static_cast<float>(matrix.values[static_cast<size_t>(o * k + i)]);
      source.values.push_back(matrix.scales[static_cast<size_t>(o)] * q *
                              matrix.input_scale[static_cast<size_t>(i)]);
    }
  }
  return source;
}

/// Panels with minimums if n is even, without if it is odd.
template <int64_t kGroup>
inline Source i4_source(WeightFormat format, int64_t n, int64_t k) {
  QuantizedMatrix matrix{.format = format, .n = n, .k = k, .group = kGroup};
  for (const float x : Random(4).floats(static_cast<size_t>(n * k))) {
    matrix.values.push_back(static_cast<int8_t>(std::lrint(7.5f * (x + 1))));
  }
  const int64_t groups = (k + kGroup - 1) / kGroup;
  matrix.scales = Random(5).floats(static_cast<size_t>(n * groups), 0.1f);
  if (n % 2 == 0) matrix.minimums = Random(6).floats(static_cast<size_t>(n * groups));
  matrix.input_scale = powers_of_two(k);
  Source source{pack_weight(matrix), {}, matrix.input_scale};
  for (int64_t o = 0; o < n; ++o) {
    for (int64_t i = 0; i < k; ++i) {
      const auto g = static_cast<size_t>(o * groups + i / kGroup);
      const auto u = static_cast<float>(matrix.values[static_cast<size_t>(o * k + i)]);
      const float minimum = matrix.minimums.empty() ? -8.0f * matrix.scales[g] : matrix.minimums[g];
      const float w = matrix.scales[g] * u + minimum;
      source.values.push_back(w * matrix.input_scale[static_cast<size_t>(i)]);
    }
  }
  return source;
}

inline Source f16_source(WeightFormat format, int64_t n, int64_t k) {
  Source source = f32_source(format, n, k);
  for (float& w : source.values) w = base::half_to_f32(to_f16(w));
  return source;
}

/// Rows of random GGUF blocks: every byte may have any value, but the f16 are numbers near 1 / 64.
inline std::vector<std::byte> random_blocks(const BlockFormat& blocks, int64_t n, int64_t k) {
  Random random(10);
  std::vector<std::byte> rows(static_cast<size_t>(n * k / blocks.elements * blocks.bytes));
  for (std::byte& byte : rows) byte = static_cast<std::byte>(random.below(256));
  const bool ends_in_halves =
      blocks.name == "Q2_K" || blocks.name == "Q3_K" || blocks.name == "Q6_K";
  const bool has_two = blocks.name == "Q4_1" || blocks.name == "Q5_1" || blocks.name == "Q4_K" ||
                       blocks.name == "Q5_K" || blocks.name == "Q2_K";
  const auto halves = static_cast<size_t>(has_two ? 2 : 1);
  const auto bytes = static_cast<size_t>(blocks.bytes);
  for (size_t block = 0; block < rows.size(); block += bytes) {
    for (size_t i = 0; i < halves; ++i) {
      const size_t at = ends_in_halves ? bytes - 2 * halves + 2 * i : 2 * i;
      // The sign, the exponent of 2^-6 and any fraction.
      rows[block + at + 1] = (rows[block + at + 1] & std::byte{0x83}) | std::byte{0x24};
    }
  }
  return rows;
}

/// Rows as a checkpoint stores them, packed in two calls, the last rows first.
inline PackedWeight pack_rows(WeightFormat format, int64_t n, int64_t k, const std::byte* rows) {
  PackedWeight packed = make_kept_weight(format, n, k);
  const int64_t half = n / 2;
  put_kept_rows(packed, half, n - half, rows + half * kept_row_bytes(format, k));
  put_kept_rows(packed, 0, half, rows);
  return packed;
}

inline Source block_source(WeightFormat format, int64_t n, int64_t k) {
  const BlockFormat& blocks = *blocks_of(format);
  const std::vector<std::byte> rows = random_blocks(blocks, n, k);
  Source source{pack_rows(format, n, k, rows.data()), {}, {}};
  source.values.resize(static_cast<size_t>(n * k));
  blocks.unpack(rows.data(), static_cast<size_t>(n * k / blocks.elements), source.values.data());
  return source;
}

/// The conversion of x before products.
enum class Inputs { kAsTheyAre, kBytes, kBlocks, kBf16 };

struct FormatTest {
  WeightFormat format;
  Source (*source)(WeightFormat format, int64_t n, int64_t k);
  Inputs inputs;
  /// The largest error of the simplest rounding, as a fraction of the largest weight.
  double step;
  /// The number of inputs is a multiple of this.
  int64_t multiple = 1;

  /// `k`, or if necessary more.
  int64_t inputs_from(int64_t k) const { return (k + multiple - 1) / multiple * multiple; }
};

inline constexpr FormatTest kFormatTests[] = {
    {WeightFormat::f32, f32_source, Inputs::kAsTheyAre, 0.0},
    {WeightFormat::bf16, bf16_source, Inputs::kBf16, 1.0 / 256},
    {WeightFormat::i8, i8_source, Inputs::kBytes, 1.0 / 253},
    {WeightFormat::i4g32, i4_source<32>, Inputs::kBytes, 2.0 / 29},
    {WeightFormat::i4g64, i4_source<64>, Inputs::kBytes, 2.0 / 29},
    {WeightFormat::i4g128, i4_source<128>, Inputs::kBytes, 2.0 / 29},
    {WeightFormat::f16, f16_source, Inputs::kAsTheyAre, 1.0 / 2048},
    {WeightFormat::bf16_exact, bf16_source, Inputs::kAsTheyAre, 1.0 / 256},
    {WeightFormat::q8_0, block_source, Inputs::kBlocks, 1.0 / 230, 32},
    {WeightFormat::q4_0, block_source, Inputs::kBlocks, 1.0 / 13.8, 32},
    {WeightFormat::q4_1, block_source, Inputs::kBlocks, 1.0 / 14.5, 32},
    {WeightFormat::q5_0, block_source, Inputs::kBlocks, 1.0 / 29.5, 32},
    {WeightFormat::q5_1, block_source, Inputs::kBlocks, 1.0 / 30, 32},
    {WeightFormat::q2_k, block_source, Inputs::kBlocks, 0.45, 256},
    {WeightFormat::q3_k, block_source, Inputs::kBlocks, 0.2, 256},
    {WeightFormat::q4_k, block_source, Inputs::kBlocks, 0.09, 256},
    {WeightFormat::q5_k, block_source, Inputs::kBlocks, 0.05, 256},
    {WeightFormat::q6_k, block_source, Inputs::kBlocks, 0.022, 256},
    {WeightFormat::iq4_nl, block_source, Inputs::kBlocks, 0.12, 32},
    {WeightFormat::iq4_xs, block_source, Inputs::kBlocks, 0.13, 256},
};

constexpr bool is_tested(WeightFormat format) {
  for (const FormatTest& row : kFormatTests) {
    if (row.format == format) return true;
  }
  return false;
}
#define LW_WEIGHT_FORMAT(name, ...) \
  static_assert(is_tested(WeightFormat::name), #name " has no row in kFormatTests");
#define LW_TABLE_FORMAT(...)
#include "ops/weights/weights.def"
#undef LW_WEIGHT_FORMAT
#undef LW_TABLE_FORMAT

inline constexpr int64_t kInputCounts[] = {1, 7, 16, 31, 32, 33, 64, 65, 130, 257};
inline constexpr int64_t kOutputCounts[] = {1, 16, 17, 50};

/// kInputCounts, or where they are not multiples, the next ones.
std::vector<int64_t> inputs_of(const FormatTest& format) {
  std::vector<int64_t> inputs;
  for (const int64_t k : kInputCounts) {
    const int64_t more = format.inputs_from(k);
    if (inputs.empty() || inputs.back() != more) inputs.push_back(more);
  }
  return inputs;
}

}  // namespace lanewise::ops::test
