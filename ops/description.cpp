#include "ops/description.hpp"

#include <algorithm>
#include <array>

namespace lanewise::ops {

namespace {

constexpr std::array kNames = {
#define LW_OPERATOR(name, folder) std::string_view(#name),
#include "ops/ops.def"
#undef LW_OPERATOR
};

constexpr std::array kDescriptions = {
#define LW_OPERATOR(name, folder) &name##_operator,
#include "ops/ops.def"
#undef LW_OPERATOR
};

}  // namespace

const WeightRole* OperatorDescription::find_weight(std::string_view role) const noexcept {
  const std::span<const WeightRole> all = weights;
  const auto it = std::find_if(all.begin(), all.end(),
                               [&](const WeightRole& weight) { return weight.role == role; });
  return it == all.end() ? nullptr : &*it;
}

WeightUse OperatorDescription::use_of(std::string_view role) const noexcept {
  const WeightRole* weight = find_weight(role);
  return weight == nullptr ? WeightUse::kWhole : weight->use;
}

const OperatorDescription* find_operator(std::string_view name) noexcept {
  const auto it = std::find(kNames.begin(), kNames.end(), name);
  return it == kNames.end() ? nullptr : kDescriptions[static_cast<size_t>(it - kNames.begin())];
}

std::string known_operators() {
  std::string list;
  for (const std::string_view name : kNames) list.append(list.empty() ? "" : ", ").append(name);
  return list;
}

}  // namespace lanewise::ops
