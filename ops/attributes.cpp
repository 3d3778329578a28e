#include "ops/attributes.hpp"

#include <algorithm>

namespace lanewise::ops {
namespace {

Status wrong_type(std::string_view name, std::string_view expected) {
  return invalid_argument("attribute '" + std::string(name) + "': expected " +
                          std::string(expected));
}

}  // namespace

Result<bool> Attributes::get_bool(std::string_view name, bool fallback) const {
  const auto it = values_.find(name);
  if (it == values_.end()) return fallback;
  if (const auto* value = std::get_if<bool>(&it->second)) return *value;
  return wrong_type(name, "true or false");
}

Result<int64_t> Attributes::get_int(std::string_view name, int64_t fallback) const {
  const auto it = values_.find(name);
  if (it == values_.end()) return fallback;
  if (const auto* value = std::get_if<int64_t>(&it->second)) return *value;
  return wrong_type(name, "an integer");
}

Result<double> Attributes::get_double(std::string_view name, double fallback) const {
  const auto it = values_.find(name);
  if (it == values_.end()) return fallback;
  if (const auto* value = std::get_if<double>(&it->second)) return *value;
  if (const auto* value = std::get_if<int64_t>(&it->second)) return static_cast<double>(*value);
  return wrong_type(name, "a number");
}

Result<std::string> Attributes::get_string(std::string_view name, std::string_view fallback) const {
  const auto it = values_.find(name);
  if (it == values_.end()) return std::string(fallback);
  if (const auto* value = std::get_if<std::string>(&it->second)) return *value;
  return wrong_type(name, "a string");
}

Status Attributes::expect_only(std::initializer_list<std::string_view> known) const {
  for (const auto& [name, value] : values_) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return invalid_argument("unknown attribute '" + name + "'");
    }
  }
  return {};
}

}  // namespace lanewise::ops
