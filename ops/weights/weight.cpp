#include "ops/weights/weight.hpp"

#include <algorithm>

#include "base/status_macros.hpp"

namespace lanewise::ops {
namespace {

// 128 * 128 times this many inputs is still below 2^31.
constexpr int64_t kMostExactInputs = 131'071;

}  // namespace

std::string role_of(std::string_view role, std::string_view suffix) {
  if (suffix == kInputScale) return std::string(suffix);
  return std::string(role) + std::string(suffix);
}

const TensorView* WeightTensors::find(std::string_view suffix) const {
  const auto it = config_.weights.find(role_of(role_, suffix));
  return it == config_.weights.end() ? nullptr : &it->second;
}

WeightFormat format_of(const OperatorConfig& config, std::string_view role,
                       WeightFormat otherwise) {
  const auto it = config.formats.find(role);
  return it == config.formats.end() ? otherwise : it->second;
}

Result<WeightPtr> bind_weight(const OperatorConfig& config, std::string_view role, int64_t n,
                              int64_t k) {
  const WeightFormat format = format_of(config, role, WeightFormat::f32);
  if (!has_panels(format)) {
    return invalid_argument("weight '" + std::string(role) + "': expected panels, found a table (" +
                            std::string(name_of(format)) + ")");
  }
  const WeightFormatInfo& info = info_of(format);
  return info.code->bind(
      WeightTensors(config, role),
      {.n = n, .k = k, .block = info.block, .format = format, .isa = config.isa});
}

std::vector<std::string> weight_roles(std::string_view role, WeightFormat format) {
  std::vector<std::string> roles;
  for (const std::string_view suffix : info_of(format).code->suffixes) {
    roles.push_back(role_of(role, suffix));
  }
  return roles;
}

Status expect_only_weights(const OperatorConfig& config, std::string_view role, WeightFormat format,
                           std::initializer_list<std::string_view> others) {
  const std::vector<std::string> roles = weight_roles(role, format);
  for (const auto& [found, tensor] : config.weights) {
    if (std::find(roles.begin(), roles.end(), found) == roles.end() &&
        std::find(others.begin(), others.end(), found) == others.end()) {
      return invalid_argument("unknown weight '" + found + "'");
    }
  }
  return {};
}

void set_weight(OperatorConfig& config, std::string_view role, const PackedWeight& packed) {
  config.formats[std::string(role)] = packed.format;
  for (const PackedTensor& tensor : packed.tensors) {
    config.weights[role_of(role, tensor.suffix)] = {tensor.type, tensor.bytes.data(), tensor.shape};
  }
}

int64_t rows_of_panels(const WeightTensors& tensors) {
  const TensorView* panels = tensors.find("");
  return panels != nullptr && !panels->shape.empty() && panels->shape[0] <= INT32_MAX
             ? 16 * panels->shape[0]
             : 0;
}

Status expect_exact_sums(int64_t k) {
  if (k <= kMostExactInputs) return {};
  return unsupported("weight 'weight': integers of " + std::to_string(k) +
                     " inputs do not add up in 32 bits; the most are " +
                     std::to_string(kMostExactInputs));
}

}  // namespace lanewise::ops
