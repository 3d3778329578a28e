#include "ops/weights/weight_format.hpp"

#include <algorithm>
#include <array>

#include "ops/weights/blocks/blocks.hpp"
#include "ops/weights/packed_weight.hpp"
#include "ops/weights/weight.hpp"

namespace lanewise::ops {
namespace {

constexpr std::array kFormats = {
#define LW_WEIGHT_FORMAT(name, folder, choice, block, bits) \
  WeightFormatInfo{WeightFormat::name, #name, choice, block, bits, &folder##_code},
#define LW_TABLE_FORMAT(name, choice, bits) \
  WeightFormatInfo{WeightFormat::name, #name, choice, 1, bits, nullptr},
#include "ops/weights/weights.def"
#undef LW_WEIGHT_FORMAT
#undef LW_TABLE_FORMAT
};

}  // namespace

std::span<const WeightFormatInfo> weight_formats() noexcept { return kFormats; }

const WeightFormatInfo& info_of(WeightFormat format) noexcept {
  return kFormats[static_cast<size_t>(format)];
}

std::optional<WeightFormat> find_weight_format(std::string_view name) noexcept {
  for (const WeightFormatInfo& info : kFormats) {
    if (info.name == name) return info.format;
  }
  return std::nullopt;
}

std::optional<WeightFormat> find_weight_choice(std::string_view choice, int64_t group) noexcept {
  std::optional<WeightFormat> only;
  int found = 0;
  for (const WeightFormatInfo& info : kFormats) {
    if (info.choice != choice || info.code == nullptr) continue;
    if (info.block == group) return info.format;
    only = info.format;
    ++found;
  }
  return found == 1 ? only : std::nullopt;
}

bool rounds_rows(WeightFormat format) noexcept {
  return has_panels(format) && info_of(format).code->rounds_rows;
}

bool is_companion(WeightFormat format, std::string_view role, std::string_view other) {
  if (format == WeightFormat::i8_rows) return other == role_of(role, "_scale");
  if (!has_panels(format) || other == role) return false;
  const std::vector<std::string> roles = weight_roles(role, format);
  return std::find(roles.begin(), roles.end(), other) != roles.end();
}

int64_t weights_in(WeightFormat format, int64_t bytes) noexcept {
  const PanelStep step = info_of(format).code->step(format);
  return bytes / step.bytes * step.inputs * 16;
}

std::string weight_format_names() {
  std::string names;
  for (const WeightFormatInfo& info : kFormats) {
    if (!names.empty()) names += ", ";
    names += info.name;
  }
  return names;
}

PackedWeight pack_weight(WeightFormat format, const float* w, int64_t n, int64_t k) {
  return info_of(format).code->pack(format, w, n, k);
}

std::vector<PackedTensor> tensors_of_weight(WeightFormat format, int64_t n, int64_t k) {
  const WeightCode& code = *info_of(format).code;
  return code.tensors == nullptr ? std::vector<PackedTensor>() : code.tensors(format, n, k);
}

PackedWeight pack_weight(const QuantizedMatrix& matrix) {
  return info_of(matrix.format).code->pack_integers(matrix);
}

bool is_packed_from_integers(WeightFormat format) noexcept {
  if (info_of(format).choice.empty() && format != kDecoderInt4) return false;
  return has_panels(format) && info_of(format).code->pack_integers != nullptr;
}

float QuantizedMatrix::weight(int64_t row, int64_t j) const {
  const auto g = static_cast<size_t>(row * groups() + j / group);
  const int8_t code = values[static_cast<size_t>(row * k + j)];
  if (format == kDecoderInt4)
    return scales[g] * static_cast<float>(kIQ4Values[static_cast<uint8_t>(code)]);
  const auto value = static_cast<float>(code);
  const bool around_zero = info_of(format).block == 0;
  if (around_zero) return scales[g] * value;
  return scales[g] * value + (minimums.empty() ? -8.0f * scales[g] : minimums[g]);
}

}  // namespace lanewise::ops
