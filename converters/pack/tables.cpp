#include "converters/pack/tables.hpp"

#include "converters/quantize/quantize_rows.hpp"
#include "ops/weights/bf16/bf16.hpp"
#include "ops/weights/pack_tensors.hpp"

namespace lanewise::converters {

WeightFormat table_format(WeightFormat format) noexcept {
  const double bits = ops::info_of(format).bits;
  if (bits > 16) return WeightFormat::f32_rows;
  return bits > 9 ? WeightFormat::bf16_rows : WeightFormat::i8_rows;
}

std::vector<ops::PackedTensor> tensors_of_table(WeightFormat format, int64_t n, int64_t k) {
  if (format == WeightFormat::bf16_rows) return {{"", DataType::kBF16, {n, k}, {}}};
  return {{"", DataType::kI8, {n, k}, {}}, {"_scale", DataType::kF32, {n}, {}}};
}

ops::PackedWeight pack_table(WeightFormat format, std::span<const float> table, int64_t n,
                             int64_t k) {
  ops::PackedWeight packed{.format = format, .tensors = {}};
  if (format == WeightFormat::bf16_rows) {
    std::vector<uint16_t> rows;
    rows.reserve(table.size());
    for (const float x : table) rows.push_back(ops::to_bf16(x));
    packed.tensors.push_back(ops::packed_tensor("", DataType::kBF16, {n, k}, rows));
    return packed;
  }
  const QuantizedMatrix matrix = quantize_int8(table, n, k);
  packed.tensors.push_back(ops::packed_tensor("", DataType::kI8, {n, k}, matrix.values));
  packed.tensors.push_back(ops::packed_tensor("_scale", DataType::kF32, {n}, matrix.scales));
  return packed;
}

}  // namespace lanewise::converters
