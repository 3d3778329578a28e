#include "converters/config.hpp"

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/json.hpp"
#include "base/messages.hpp"

namespace lanewise::converters {

struct Config::Json {
  nlohmann::json value;

  /// Null when the field is absent or null.
  const nlohmann::json* find(const std::string& field) const {
    const auto found = value.find(field);
    return found == value.end() || found->is_null() ? nullptr : &*found;
  }
};

namespace {

// Real configs have a few kB, shard indices of the largest models a few MB.
constexpr size_t kMaxJsonBytes = 32'000'000;

Result<nlohmann::json> parse_json(std::string_view found, std::string_view label) {
  const std::string text = base::standard_json(found);
  const Status sane = base::check_json(text, kMaxJsonBytes);
  if (!sane.ok()) return sane.with_context(base::in_quotes(label));
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    return data_loss(base::in_quotes(label) + " is not JSON: error at byte " +
                     std::to_string(error.byte));
  } catch (const nlohmann::json::exception&) {  // A number that no double holds.
    return data_loss(base::in_quotes(label) + " is not JSON: a number is out of range");
  }
}

/// A value for a message: scalars as they stand there, the rest by type.
std::string found_text(const nlohmann::json& value) {
  if (value.is_string()) return base::in_quotes(value.get_ref<const std::string&>());
  if (value.is_structured()) return std::string("an ") + value.type_name();
  return value.dump();
}

/// A list, and which of its elements is wrong.
std::string found_within(const nlohmann::json& list, const nlohmann::json& element) {
  return found_text(list) + " with " + found_text(element);
}

bool is_integer_within(const nlohmann::json& value, int64_t min, int64_t max) {
  if (!value.is_number_integer()) return false;
  // Unsigned numbers above int64_t come back negative from get(), so they are asked for as such.
  if (value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) {
    return false;
  }
  return value.get<int64_t>() >= min && value.get<int64_t>() <= max;
}

/// Appends the elements of an array of such integers. Returns what is none: the value, or the first
/// element that is not.
const nlohmann::json* append_integers(const nlohmann::json& value, int32_t min, int32_t max,
                                      std::vector<int32_t>& integers) {
  if (!value.is_array()) return &value;
  for (const nlohmann::json& element : value) {
    if (!is_integer_within(element, min, max)) return &element;
    integers.push_back(element.get<int32_t>());
  }
  return nullptr;
}

/// The elements of an array of strings, or nothing.
std::optional<std::vector<std::string>> texts_in(const nlohmann::json& value) {
  if (!value.is_array()) return std::nullopt;
  std::vector<std::string> texts;
  for (const nlohmann::json& element : value) {
    if (!element.is_string()) return std::nullopt;
    texts.push_back(element.get<std::string>());
  }
  return texts;
}

std::string range_text(int64_t min, int64_t max) {
  return "from " + std::to_string(min) + " to " + std::to_string(max);
}

std::string short_text(double number) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%g", number);
  return text.data();
}

}  // namespace

Result<Config> Config::parse(std::string_view text, std::string_view label) {
  Result<nlohmann::json> json = parse_json(text, label);
  if (!json.ok()) return json.status();
  if (!json->is_object()) {
    return data_loss(base::in_quotes(label) + " must be a JSON object, found " +
                     std::string(json->type_name()));
  }
  auto value = std::make_shared<Json>();
  value->value = std::move(*json);
  return Config(base::in_quotes(label), std::move(value));
}

Result<std::vector<Config>> Config::parse_list(std::string_view text, std::string_view label) {
  Result<nlohmann::json> json = parse_json(text, label);
  if (!json.ok()) return json.status();
  const Status wrong_form = data_loss(base::in_quotes(label) + " must be a list of JSON objects");
  if (!json->is_array()) return wrong_form;
  std::vector<Config> list;
  for (nlohmann::json& element : *json) {
    if (!element.is_object()) return wrong_form;
    auto value = std::make_shared<Json>();
    value->value = std::move(element);
    list.push_back(Config(base::in_quotes(label), std::move(value)));
  }
  return list;
}

Result<std::vector<std::string>> Config::parse_texts(std::string_view text,
                                                     std::string_view label) {
  Result<nlohmann::json> json = parse_json(text, label);
  if (!json.ok()) return json.status();
  if (auto texts = texts_in(*json)) return *std::move(texts);
  return data_loss(base::in_quotes(label) + " must be a list of strings");
}

bool Config::has(const std::string& field) const { return json_->find(field) != nullptr; }

std::vector<std::string> Config::fields() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : json_->value.items()) {
    if (!value.is_null()) names.push_back(name);
  }
  return names;
}

Status Config::wrong(const std::string& field, const std::string& expected) const {
  const nlohmann::json* value = json_->find(field);
  return must_be(field, expected, value == nullptr ? "none" : found_text(*value));
}

Status Config::must_be(const std::string& field, const std::string& expected,
                       const std::string& found) const {
  return invalid_argument(label_ + ": " + base::in_quotes(field) + " must be " + expected +
                          ", found " + found);
}

Result<int64_t> Config::integer(const std::string& field, int64_t fallback, int64_t min,
                                int64_t max) const {
  const nlohmann::json* value = json_->find(field);
  if (value == nullptr) return fallback;
  if (is_integer_within(*value, min, max)) return value->get<int64_t>();
  return wrong(field, "an integer " + range_text(min, max));
}

Result<double> Config::number(const std::string& field, double fallback, double min,
                              double max) const {
  const nlohmann::json* value = json_->find(field);
  if (value == nullptr) return fallback;
  if (value->is_number() && value->get<double>() >= min && value->get<double>() <= max) {
    return value->get<double>();
  }
  return wrong(field, "a number from " + short_text(min) + " to " + short_text(max));
}

Result<bool> Config::boolean(const std::string& field, bool fallback) const {
  const nlohmann::json* value = json_->find(field);
  if (value == nullptr) return fallback;
  if (value->is_boolean()) return value->get<bool>();
  return wrong(field, "true or false");
}

Result<std::string> Config::text(const std::string& field, std::string_view fallback) const {
  const nlohmann::json* value = json_->find(field);
  if (value == nullptr) return std::string(fallback);
  if (value->is_string()) return value->get<std::string>();
  return wrong(field, "a string");
}

Result<std::vector<int32_t>> Config::integers(const std::string& field, int32_t min,
                                              int32_t max) const {
  std::vector<int32_t> integers;
  const nlohmann::json* value = json_->find(field);
  if (value == nullptr) return integers;
  if (is_integer_within(*value, min, max)) return std::vector<int32_t>{value->get<int32_t>()};
  const nlohmann::json* bad = append_integers(*value, min, max, integers);
  if (bad == nullptr) return integers;
  return must_be(field, "an integer or a list of integers " + range_text(min, max),
                 bad == value ? found_text(*value) : found_within(*value, *bad));
}

Result<std::vector<std::vector<int32_t>>> Config::integer_lists(const std::string& field,
                                                                int32_t min, int32_t max) const {
  std::vector<std::vector<int32_t>> lists;
  const nlohmann::json* value = json_->find(field);
  if (value == nullptr) return lists;
  const std::string expected = "a list of lists of integers " + range_text(min, max);
  if (!value->is_array()) return wrong(field, expected);
  for (const nlohmann::json& element : *value) {
    const nlohmann::json* bad = append_integers(element, min, max, lists.emplace_back());
    if (bad != nullptr) return must_be(field, expected, found_within(*value, *bad));
  }
  return lists;
}

Result<std::map<std::string, std::vector<int32_t>>> Config::integer_map(const std::string& field,
                                                                        int32_t min,
                                                                        int32_t max) const {
  std::map<std::string, std::vector<int32_t>> lists;
  const nlohmann::json* value = json_->find(field);
  if (value == nullptr) return lists;
  const std::string expected = "an object of lists of integers " + range_text(min, max);
  if (!value->is_object()) return wrong(field, expected);
  for (const auto& [name, element] : value->items()) {
    const nlohmann::json* bad = append_integers(element, min, max, lists[name]);
    if (bad != nullptr) return must_be(field, expected, found_within(*value, *bad));
  }
  return lists;
}

Result<std::vector<std::string>> Config::texts(const std::string& field) const {
  const nlohmann::json* value = json_->find(field);
  if (value == nullptr) return std::vector<std::string>();
  if (auto texts = texts_in(*value)) return *std::move(texts);
  return wrong(field, "a list of strings");
}

Result<std::map<std::string, std::string>> Config::text_map(const std::string& field) const {
  std::map<std::string, std::string> result;
  const nlohmann::json* value = json_->find(field);
  if (value == nullptr) return result;
  const std::string expected = "an object of strings";
  if (!value->is_object()) return wrong(field, expected);
  for (const auto& [name, element] : value->items()) {
    if (!element.is_string()) return wrong(field, expected);
    result[name] = element.get<std::string>();
  }
  return result;
}

Result<Config> Config::object(const std::string& field) const {
  const nlohmann::json* value = json_->find(field);
  auto inner = std::make_shared<Json>();
  inner->value = value == nullptr ? nlohmann::json::object() : *value;
  if (!inner->value.is_object()) return wrong(field, "an object");
  return Config(label_ + ": " + base::in_quotes(field), std::move(inner));
}

void Config::report_unknown(const std::function<bool(std::string_view)>& known,
                            const Report& report) const {
  for (const std::string& name : fields()) {
    if (!known(name)) report(label_ + ": unknown field " + base::in_quotes(name) + " is ignored");
  }
}

}  // namespace lanewise::converters
