#include "runtime/weight_formats.hpp"

#include <optional>

#include "base/json_fields.hpp"
#include "base/json_tree.hpp"
#include "base/status_macros.hpp"

namespace lanewise::internal {
namespace {

using ops::WeightFormat;

// A weight takes 80 bytes: room for fifty thousand.
constexpr size_t kMaxBytes = 4 << 20;

/// Groups of 4-bit integers had as many inputs as steps of panels and scales said.
std::optional<WeightFormat> format_of_i4(const graph::Node& node, const std::string& role,
                                         const Shape& panels, const file::SafetensorsView& file) {
  const auto scale = node.weights.find(role + "_scale");
  if (scale == node.weights.end() || panels.size() != 3) return std::nullopt;
  const Shape& scales = file.find(scale->second.front())->shape;
  if (scales.size() != 3 || scales[1] < 1) return std::nullopt;
  return ops::find_weight_choice("int4", 8 * (panels[1] / scales[1]));
}

std::optional<WeightFormat> format_of_table(DataType type) {
  switch (type) {
    case DataType::kF32:
      return WeightFormat::f32_rows;
    case DataType::kBF16:
      return WeightFormat::bf16_rows;
    case DataType::kI8:
      return WeightFormat::i8_rows;
    default:
      return std::nullopt;
  }
}

std::optional<WeightFormat> format_of_product(const graph::Node& node, const std::string& role,
                                              const file::TensorEntry& entry,
                                              const file::SafetensorsView& file) {
  switch (entry.type) {
    case DataType::kF32:
      if (entry.shape.size() != 3) return std::nullopt;  // of a norm
      return WeightFormat::f32;
    case DataType::kBF16:
      return WeightFormat::bf16;
    case DataType::kI8:
      return WeightFormat::i8;
    case DataType::kU8:
      return format_of_i4(node, role, entry.shape, file);
    default:
      return std::nullopt;
  }
}

}  // namespace

std::string formats_to_json(const WeightFormats& formats) {
  std::map<std::string, std::string_view> names;
  for (const auto& [name, format] : formats) names.emplace(name, ops::name_of(format));
  return base::JsonTree::object_of(names).text();
}

Result<WeightFormats> parse_formats(std::string_view text) {
  LW_ASSIGN_OR_RETURN(const base::JsonDocument json, base::parse_json(text, kMaxBytes));
  LW_ASSIGN_OR_RETURN(const base::JsonFields fields, base::JsonFields::of(json.root(), ""));
  WeightFormats formats;
  for (const auto& [name, stated] : fields.members()) {
    if (!stated.is_string()) return fields.wrong(name, "a string");
    const std::optional<WeightFormat> known = ops::find_weight_format(stated.string());
    if (!known) {
      return base::wrong_type(fields.path(name), "one of " + ops::weight_format_names(), &stated,
                              StatusCode::kUnsupported);
    }
    formats.emplace(name, *known);
  }
  return formats;
}

WeightFormats infer_formats(const graph::Graph& graph, const file::SafetensorsView& file) {
  WeightFormats formats;
  for (const graph::Node& node : graph.nodes) {
    for (const auto& [role, names] : node.weights) {
      if (role != "weight" && role != "table") continue;
      const file::TensorEntry& entry = *file.find(names.front());
      const std::optional<WeightFormat> format = role == "table"
                                                     ? format_of_table(entry.type)
                                                     : format_of_product(node, role, entry, file);
      if (format) formats.emplace(entry.name, *format);
    }
  }
  return formats;
}

}  // namespace lanewise::internal
