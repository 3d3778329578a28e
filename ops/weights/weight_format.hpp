#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lanewise::ops {

/// How a weight is stored (weights.def).
enum class WeightFormat {
#define LW_WEIGHT_FORMAT(name, ...) name,
#define LW_TABLE_FORMAT(name, ...) name,
#include "ops/weights/weights.def"
#undef LW_WEIGHT_FORMAT
#undef LW_TABLE_FORMAT
};

struct WeightCode;

/// A line of weights.def.
struct WeightFormatInfo {
  WeightFormat format;
  std::string_view name;    ///< in model files
  std::string_view choice;  ///< its name for `lanewise convert --weights`; empty if it has none
  int64_t block;            ///< inputs that share a scale; 1: none; 0: a whole row
  double bits;              ///< per weight, with its scales
  const WeightCode* code;   ///< what its folder provides (weight.hpp); null for tables of rows
};

/// The formats of weights.def in its order.
std::span<const WeightFormatInfo> weight_formats() noexcept;

const WeightFormatInfo& info_of(WeightFormat format) noexcept;

inline std::string_view name_of(WeightFormat format) noexcept { return info_of(format).name; }

/// What people call weights in that format: the choice, or the name if there is none.
inline std::string_view label_of(const WeightFormatInfo& info) noexcept {
  return info.choice.empty() ? info.name : info.choice;
}

/// The format with that name in model files.
std::optional<WeightFormat> find_weight_format(std::string_view name) noexcept;

/// The format with panels that `lanewise convert --weights` calls `choice`; if several have groups,
/// the one with groups of `group` inputs.
std::optional<WeightFormat> find_weight_choice(std::string_view choice, int64_t group) noexcept;

/// int4 for decoders alone: a scale in f16 for 32 inputs, and values that are finer near zero. It is
/// as near as i4g32, with 4.5 bits instead of 6. Only for multiples of 32 inputs.
inline constexpr WeightFormat kDecoderInt4 = WeightFormat::iq4_nl;

/// Whether a weight in that format can be multiplied; a table of rows is only looked up.
inline bool has_panels(WeightFormat format) noexcept { return info_of(format).code != nullptr; }

/// Whether a product first rounds the rows of its input to 8 bits. Only such products can absorb
/// the norm before them.
bool rounds_rows(WeightFormat format) noexcept;

/// Whether the tensor in role `other` belongs to a weight of that format in `role`: scales, sums.
bool is_companion(WeightFormat format, std::string_view role, std::string_view other);

/// The number of weights in so many bytes of panels, including those beyond n and k.
int64_t weights_in(WeightFormat format, int64_t bytes) noexcept;

/// The names of all formats, for messages: "f32, bf16, i8, ...".
std::string weight_format_names();

}  // namespace lanewise::ops
