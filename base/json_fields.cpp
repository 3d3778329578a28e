#include "base/json_fields.hpp"

#include <limits>
#include <nlohmann/json.hpp>

#include "base/status_macros.hpp"

namespace lanewise::base {

Result<JsonFields> JsonFields::of(const Json& value, std::string name) {
  if (!value.is_object()) return wrong_type(name, "an object", &value);
  return JsonFields(&value, std::move(name));
}

const JsonFields::Json* JsonFields::find(const char* key) const {
  const auto found = value_->find(key);
  return found == value_->end() || found->is_null() ? nullptr : &*found;
}

std::string JsonFields::path(std::string_view key) const {
  return name_.empty() ? std::string(key) : name_ + "." + std::string(key);
}

Result<JsonFields> JsonFields::object(const char* key) const {
  const Json* field = find(key);
  if (!field) return wrong_type(path(key), "an object", field);
  return of(*field, path(key));
}

Result<const JsonFields::Json*> JsonFields::array(const char* key) const {
  const Json* field = find(key);
  if (!field || !field->is_array()) return wrong_type(path(key), "an array", field);
  return field;
}

Result<std::string> JsonFields::string(const char* key) const {
  const Json* field = find(key);
  if (!field || !field->is_string()) return wrong_type(path(key), "a string", field);
  return field->get_ref<const std::string&>();
}

Result<std::string> JsonFields::string_or(const char* key, std::string_view fallback) const {
  if (!find(key)) return std::string(fallback);
  return string(key);
}

Result<std::optional<bool>> JsonFields::optional_boolean(const char* key) const {
  const Json* field = find(key);
  if (!field) return std::optional<bool>();
  if (!field->is_boolean()) return wrong_type(path(key), "true or false", field);
  return std::optional<bool>(field->get<bool>());
}

Result<bool> JsonFields::boolean_or(const char* key, bool fallback) const {
  LW_ASSIGN_OR_RETURN(const std::optional<bool> value, optional_boolean(key));
  return value.value_or(fallback);
}

Result<int32_t> JsonFields::count(const char* key) const {
  const Json* field = find(key);
  if (!field) return wrong_type(path(key), "a number", field);
  return count_of(*field, path(key));
}

Result<int32_t> JsonFields::count_or(const char* key, int32_t fallback) const {
  if (!find(key)) return fallback;
  return count(key);
}

Status wrong_type(const std::string& name, std::string_view expected, const nlohmann::json* value) {
  return data_loss((name.empty() ? "the file" : name) + ": expected " + std::string(expected) +
                   ", found " + (value ? value->type_name() : "nothing"));
}

Result<int32_t> count_of(const nlohmann::json& value, const std::string& name) {
  constexpr auto kMax = std::numeric_limits<int32_t>::max();
  if (!value.is_number_integer()) return wrong_type(name, "a whole number", &value);
  // A literal above 2^63 is unsigned; every other one fits int64_t.
  if (value.is_number_unsigned() ? value.get<uint64_t>() > static_cast<uint64_t>(kMax)
                                 : value.get<int64_t>() < 0) {
    return data_loss(name + ": " + value.dump() + " is not between 0 and " + std::to_string(kMax));
  }
  return static_cast<int32_t>(value.get<int64_t>());
}

}  // namespace lanewise::base
