#include "base/json_fields.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"

namespace lanewise::base {
namespace {

constexpr int64_t kMaxCount = std::numeric_limits<int32_t>::max();

/// A key for a message: most are known names, but some come from the file.
std::string shown(std::string_view key) {
  constexpr size_t kMostShown = 60;
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_.:-[]").find(c) != std::string_view::npos;
  };
  const bool plain = !key.empty() && key.size() <= kMostShown && std::ranges::all_of(key, is_plain);
  return plain ? std::string(key) : in_quotes(key);
}

template <typename Integer>
std::string range_text(Integer min, Integer max) {
  return "from " + std::to_string(min) + " to " + std::to_string(max);
}

std::string short_text(double number) {
  std::ostringstream text;
  text << number;
  return text.str();
}

bool is_within(const JsonValue& value, int64_t min, int64_t max) {
  const std::optional<int64_t> integer = value.integer();
  return integer && *integer >= min && *integer <= max;
}

/// Appends the elements of an array of integers in range. Returns the first thing that is not one:
/// the value itself or an element; null if there is none.
const JsonValue* append_integers(const JsonValue& value, int32_t min, int32_t max,
                                 std::vector<int32_t>& integers) {
  if (!value.is_array()) return &value;
  for (const JsonValue& element : value.elements()) {
    if (!is_within(element, min, max)) return &element;
    integers.push_back(static_cast<int32_t>(*element.integer()));
  }
  return nullptr;
}

/// wrong_type() of an array or object, or of `element` within it.
Status wrong_element(std::string_view where, std::string_view expected, const JsonValue& value,
                     const JsonValue& element, StatusCode code) {
  Status status = wrong_type(where, expected, &value, code);
  if (&element == &value) return status;
  return {code, status.message() + " with " + found_text(&element)};
}

}  // namespace

Status wrong_type(std::string_view where, std::string_view expected, const JsonValue* value,
                  StatusCode code) {
  std::string message(where);
  if (!where.empty()) message += ": ";
  message.append("expected ").append(expected).append(", found ").append(found_text(value));
  return {code, std::move(message)};
}

Result<int32_t> count_of(const JsonValue& value, std::string_view where) {
  if (is_within(value, 0, kMaxCount)) return static_cast<int32_t>(*value.integer());
  return wrong_type(where, "an integer " + range_text<int64_t>(0, kMaxCount), &value);
}

Result<std::vector<std::string>> strings_of(const JsonValue& value, std::string_view where,
                                            StatusCode code) {
  const std::string expected = "an array of strings";
  if (!value.is_array()) return wrong_type(where, expected, &value, code);
  std::vector<std::string> strings;
  strings.reserve(value.elements().size());
  for (const JsonValue& element : value.elements()) {
    if (!element.is_string()) return wrong_element(where, expected, value, element, code);
    strings.emplace_back(element.string());
  }
  return strings;
}

Result<JsonFields> JsonFields::of(const JsonValue& value, std::string name) {
  if (!value.is_object()) return wrong_type(name, "an object", &value);
  return JsonFields(&value, std::move(name), false, StatusCode::kDataLoss);
}

Result<JsonFields> JsonFields::of_file(const JsonValue& root, std::string label, StatusCode code) {
  if (!root.is_object()) return wrong_type(label, "an object", &root);
  return JsonFields(&root, std::move(label), true, code);
}

const JsonValue* JsonFields::find(std::string_view key) const noexcept {
  const JsonValue* found = value_->find(key);
  return found == nullptr || found->is_null() ? nullptr : found;
}

std::string JsonFields::path(std::string_view key) const {
  if (is_file_) return name_ + ": " + in_quotes(key);
  return name_.empty() ? shown(key) : name_ + "." + shown(key);
}

Status JsonFields::wrong(std::string_view key, std::string_view expected) const {
  return wrong_type(path(key), expected, value_->find(key), code_);
}

Status JsonFields::wrong_element(std::string_view key, std::string_view expected,
                                 const JsonValue& element) const {
  return base::wrong_element(path(key), expected, *value_->find(key), element, code_);
}

Result<JsonFields> JsonFields::object(std::string_view key) const {
  const JsonValue* field = find(key);
  if (field == nullptr || !field->is_object()) return wrong(key, "an object");
  return JsonFields(field, path(key), is_file_, code_);
}

Result<JsonFields> JsonFields::object_or_empty(std::string_view key) const {
  if (has(key)) return object(key);
  return JsonFields(&JsonValue::empty_object(), path(key), is_file_, code_);
}

Result<std::span<const JsonValue>> JsonFields::array(std::string_view key) const {
  const JsonValue* field = find(key);
  if (field == nullptr || !field->is_array()) return wrong(key, "an array");
  return field->elements();
}

Result<std::vector<JsonFields>> JsonFields::objects(std::string_view key) const {
  LW_ASSIGN_OR_RETURN(const std::span<const JsonValue> elements, array(key));
  std::vector<JsonFields> result;
  result.reserve(elements.size());
  for (const JsonValue& element : elements) {
    std::string name = path(std::string(key) + "[" + std::to_string(result.size()) + "]");
    if (!element.is_object()) return wrong_type(name, "an object", &element, code_);
    result.push_back(JsonFields(&element, std::move(name), is_file_, code_));
  }
  return result;
}

Result<std::string> JsonFields::string(std::string_view key) const {
  const JsonValue* field = find(key);
  if (field == nullptr || !field->is_string()) return wrong(key, "a string");
  return std::string(field->string());
}

Result<std::string> JsonFields::string_or(std::string_view key, std::string_view fallback) const {
  if (!has(key)) return std::string(fallback);
  return string(key);
}

Result<bool> JsonFields::boolean(std::string_view key) const {
  const JsonValue* field = find(key);
  if (field == nullptr || !field->is_boolean()) return wrong(key, "true or false");
  return field->boolean();
}

Result<bool> JsonFields::boolean_or(std::string_view key, bool fallback) const {
  if (!has(key)) return fallback;
  return boolean(key);
}

Result<std::optional<bool>> JsonFields::optional_boolean(std::string_view key) const {
  if (!has(key)) return std::optional<bool>();
  LW_ASSIGN_OR_RETURN(const bool value, boolean(key));
  return std::optional<bool>(value);
}

Result<int64_t> JsonFields::integer(std::string_view key, int64_t min, int64_t max) const {
  const JsonValue* field = find(key);
  if (field != nullptr && is_within(*field, min, max)) return *field->integer();
  return wrong(key, "an integer " + range_text(min, max));
}

Result<int64_t> JsonFields::integer_or(std::string_view key, int64_t fallback, int64_t min,
                                       int64_t max) const {
  if (!has(key)) return fallback;
  return integer(key, min, max);
}

Result<uint64_t> JsonFields::natural(std::string_view key, uint64_t max) const {
  const JsonValue* field = find(key);
  const std::optional<uint64_t> found = field == nullptr ? std::nullopt : field->natural();
  if (found && *found <= max) return *found;
  return wrong(key, "an integer " + range_text<uint64_t>(0, max));
}

Result<int32_t> JsonFields::count(std::string_view key) const {
  LW_ASSIGN_OR_RETURN(const int64_t value, integer(key, 0, kMaxCount));
  return static_cast<int32_t>(value);
}

Result<int32_t> JsonFields::count_or(std::string_view key, int32_t fallback) const {
  if (!has(key)) return fallback;
  return count(key);
}

Result<int32_t> JsonFields::count_of(const JsonMember& member) const {
  if (is_within(member.value, 0, kMaxCount)) return static_cast<int32_t>(*member.value.integer());
  return base::count_of(member.value, path(member.name));
}

Result<double> JsonFields::number(std::string_view key, double min, double max) const {
  const JsonValue* field = find(key);
  if (field != nullptr && field->is_number() && field->number() >= min && field->number() <= max) {
    return field->number();
  }
  const bool any =
      min == std::numeric_limits<double>::lowest() && max == std::numeric_limits<double>::max();
  if (any) return wrong(key, "a number");
  return wrong(key, "a number from " + short_text(min) + " to " + short_text(max));
}

Result<double> JsonFields::number_or(std::string_view key, double fallback, double min,
                                     double max) const {
  if (!has(key)) return fallback;
  return number(key, min, max);
}

Result<size_t> JsonFields::choice(std::string_view key, std::span<const std::string_view> names,
                                  StatusCode unknown) const {
  const JsonValue* field = find(key);
  if (field == nullptr || !field->is_string()) return wrong(key, "a string");
  const auto found = std::ranges::find(names, field->string());
  if (found != names.end()) return static_cast<size_t>(found - names.begin());
  std::string expected;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) expected += i + 1 < names.size() ? ", " : " or ";
    expected += in_quotes(names[i]);
  }
  return wrong_type(path(key), expected, field, unknown);
}

Result<std::vector<std::string>> JsonFields::strings(std::string_view key) const {
  const JsonValue* field = find(key);
  if (field == nullptr) return wrong(key, "an array of strings");
  return strings_of(*field, path(key), code_);
}

Result<std::vector<int32_t>> JsonFields::integers(std::string_view key, int32_t min,
                                                  int32_t max) const {
  const std::string expected = "an array of integers " + range_text(min, max);
  std::vector<int32_t> result;
  const JsonValue* field = find(key);
  if (field == nullptr) return wrong(key, expected);
  const JsonValue* bad = append_integers(*field, min, max, result);
  if (bad != nullptr) return wrong_element(key, expected, *bad);
  return result;
}

Result<std::vector<std::vector<int32_t>>> JsonFields::integer_lists(std::string_view key,
                                                                    int32_t min,
                                                                    int32_t max) const {
  const std::string expected = "an array of arrays of integers " + range_text(min, max);
  const JsonValue* field = find(key);
  if (field == nullptr || !field->is_array()) return wrong(key, expected);
  std::vector<std::vector<int32_t>> result;
  for (const JsonValue& element : field->elements()) {
    const JsonValue* bad = append_integers(element, min, max, result.emplace_back());
    if (bad != nullptr) return wrong_element(key, expected, *bad);
  }
  return result;
}

Result<std::map<std::string, std::string>> JsonFields::string_map(std::string_view key) const {
  constexpr std::string_view kExpected = "an object of strings";
  const JsonValue* field = find(key);
  if (field == nullptr || !field->is_object()) return wrong(key, kExpected);
  std::map<std::string, std::string> result;
  for (const auto& [name, element] : field->members()) {
    if (!element.is_string()) return wrong_element(key, kExpected, element);
    result.emplace(name, element.string());
  }
  return result;
}

Result<std::map<std::string, std::vector<int32_t>>> JsonFields::integer_map(std::string_view key,
                                                                            int32_t min,
                                                                            int32_t max) const {
  const std::string expected = "an object of arrays of integers " + range_text(min, max);
  const JsonValue* field = find(key);
  if (field == nullptr || !field->is_object()) return wrong(key, expected);
  std::map<std::string, std::vector<int32_t>> result;
  for (const auto& [name, element] : field->members()) {
    const JsonValue* bad = append_integers(element, min, max, result[std::string(name)]);
    if (bad != nullptr) return wrong_element(key, expected, *bad);
  }
  return result;
}

Status JsonFields::check_members(std::span<const std::string_view> known) const {
  for (const auto& [name, member] : members()) {
    if (std::ranges::find(known, name) != known.end()) continue;
    return {code_, path(name) + ": this version does not know this field"};
  }
  return {};
}

}  // namespace lanewise::base
