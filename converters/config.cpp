#include "converters/config.hpp"

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/near_miss.hpp"

namespace lanewise::converters {
namespace {

using base::JsonFields;

// Real configs have a few kB, shard indices of the largest models a few MB.
constexpr size_t kMaxJsonBytes = 32'000'000;

Result<std::shared_ptr<const base::JsonDocument>> parse_json(std::string_view text,
                                                             std::string_view label) {
  Result<base::JsonDocument> json = base::parse_foreign_json(text, kMaxJsonBytes);
  if (!json.ok()) return json.status().with_context(base::in_quotes(label));
  return std::make_shared<const base::JsonDocument>(std::move(*json));
}

}  // namespace

Result<Config> Config::parse(std::string_view text, std::string_view label) {
  LW_ASSIGN_OR_RETURN(Document document, parse_json(text, label));
  LW_ASSIGN_OR_RETURN(
      JsonFields fields,
      JsonFields::of_file(document->root(), base::in_quotes(label), StatusCode::kInvalidArgument));
  return Config(std::move(document), std::move(fields));
}

Result<std::vector<Config>> Config::parse_list(std::string_view text, std::string_view label) {
  LW_ASSIGN_OR_RETURN(const Document document, parse_json(text, label));
  const base::JsonValue& root = document->root();
  if (!root.is_array()) return base::wrong_type(base::in_quotes(label), "an array", &root);
  std::vector<Config> list;
  for (const base::JsonValue& element : root.elements()) {
    LW_ASSIGN_OR_RETURN(
        JsonFields fields,
        JsonFields::of_file(element,
                            base::in_quotes(label) + "[" + std::to_string(list.size()) + "]",
                            StatusCode::kInvalidArgument));
    list.push_back(Config(document, std::move(fields)));
  }
  return list;
}

Result<std::vector<std::string>> Config::parse_texts(std::string_view text,
                                                     std::string_view label) {
  LW_ASSIGN_OR_RETURN(const Document document, parse_json(text, label));
  return base::strings_of(document->root(), base::in_quotes(label));
}

std::vector<std::string> Config::fields() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : fields_.members()) {
    if (!value.is_null()) names.emplace_back(name);
  }
  return names;
}

Result<int64_t> Config::integer(const std::string& field, int64_t fallback, int64_t min,
                                int64_t max) const {
  return ask(field).integer_or(field, fallback, min, max);
}

Result<double> Config::number(const std::string& field, double fallback, double min,
                              double max) const {
  return ask(field).number_or(field, fallback, min, max);
}

Result<bool> Config::boolean(const std::string& field, bool fallback) const {
  return ask(field).boolean_or(field, fallback);
}

Result<std::string> Config::text(const std::string& field, std::string_view fallback) const {
  return ask(field).string_or(field, fallback);
}

Result<std::vector<int32_t>> Config::integers(const std::string& field, int32_t min,
                                              int32_t max) const {
  const base::JsonValue* value = ask(field).find(field);
  if (value == nullptr) return std::vector<int32_t>();
  if (value->is_array()) return fields_.integers(field, min, max);
  Result<int64_t> single = fields_.integer(field, min, max);
  if (single.ok()) return std::vector<int32_t>{static_cast<int32_t>(*single)};
  return wrong(field, "an integer or an array of integers from " + std::to_string(min) + " to " +
                          std::to_string(max));
}

Result<std::vector<double>> Config::numbers(const std::string& field) const {
  std::vector<double> numbers;
  const base::JsonValue* value = ask(field).find(field);
  if (value == nullptr) return numbers;
  if (!value->is_array()) return wrong(field, "an array of numbers");
  for (const base::JsonValue& element : value->elements()) {
    if (!element.is_number()) return wrong(field, "an array of numbers");
    numbers.push_back(element.number());
  }
  return numbers;
}

Result<std::vector<std::vector<int32_t>>> Config::integer_lists(const std::string& field,
                                                                int32_t min, int32_t max) const {
  if (!has(field)) return std::vector<std::vector<int32_t>>();
  return fields_.integer_lists(field, min, max);
}

Result<std::map<std::string, std::vector<int32_t>>> Config::integer_map(const std::string& field,
                                                                        int32_t min,
                                                                        int32_t max) const {
  if (!has(field)) return std::map<std::string, std::vector<int32_t>>();
  return fields_.integer_map(field, min, max);
}

Result<std::vector<std::string>> Config::texts(const std::string& field) const {
  if (!has(field)) return std::vector<std::string>();
  return fields_.strings(field);
}

Result<std::map<std::string, std::string>> Config::text_map(const std::string& field) const {
  if (!has(field)) return std::map<std::string, std::string>();
  return fields_.string_map(field);
}

Result<Config> Config::object(const std::string& field) const {
  LW_ASSIGN_OR_RETURN(JsonFields inner, ask(field).object_or_empty(field));
  return Config(document_, std::move(inner));
}

std::vector<std::string> Config::near_misses(bool (*known)(std::string_view name)) const {
  std::vector<std::string> wanted;
  for (const std::string& field : *asked_) {
    if (!fields_.has(field)) wanted.push_back(field);
  }
  std::vector<std::string> misses;
  for (const std::string& name : fields()) {
    if (asked_->contains(name) || known(name)) continue;
    const std::string near = nearest(name, wanted);
    if (near.empty()) continue;
    misses.push_back(label() + ": " + base::in_quotes(name) + " is not read; did you mean " +
                     base::in_quotes(near) + "?");
  }
  return misses;
}

void Config::report_unknown(const std::function<bool(std::string_view)>& known,
                            const Report& report) const {
  for (const std::string& name : fields()) {
    if (!known(name)) report(label() + ": unknown field " + base::in_quotes(name) + " is ignored");
  }
}

}  // namespace lanewise::converters
