#include "runtime/grammar/schema_reader.hpp"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <iterator>
#include <span>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"

namespace lanewise::grammar {
namespace {

using base::JsonValue;
using Words = std::span<const std::string_view>;

// Keywords that restrict values of one kind; they imply it where `type` is missing.
constexpr std::string_view kObjectWords[] = {"properties", "required", "additionalProperties",
                                             "unevaluatedProperties"};
constexpr std::string_view kArrayWords[] = {"items", "prefixItems", "additionalItems", "minItems",
                                            "maxItems"};
constexpr std::string_view kStringWords[] = {"minLength", "maxLength", "pattern", "format"};
constexpr std::string_view kNumberWords[] = {"minimum", "maximum", "exclusiveMinimum",
                                             "exclusiveMaximum"};
constexpr std::string_view kOtherWords[] = {"type",  "enum",  "const", "anyOf",
                                            "oneOf", "allOf", "$ref",  "nullable"};
constexpr std::string_view kAnnotations[] = {
    "$schema",        "$id",        "$comment", "$defs",
    "definitions",    "$anchor",    "title",    "description",
    "default",        "example",    "examples", "readOnly",
    "writeOnly",      "deprecated", "id",       "contentMediaType",
    "contentEncoding"};

constexpr std::pair<std::string_view, uint32_t> kKinds[] = {
    {"object", kObject},   {"array", kArray},     {"string", kString}, {"number", kNumber},
    {"integer", kInteger}, {"boolean", kBoolean}, {"null", kNull}};

bool is_one_of(std::string_view word, Words words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// Whether the member says nothing: "uniqueItems": false.
bool says_nothing(const base::JsonMember& member) {
  if (member.name == "uniqueItems") return member.value.is_boolean() && !member.value.boolean();
  if (member.name == "minProperties") return member.value.integer() == 0;
  return is_one_of(member.name, kAnnotations);
}

Result<uint32_t> kind_of_name(const Schema& schema, const JsonValue& name) {
  for (const auto& [known, kind] : kKinds) {
    if (name.is(known)) return kind;
  }
  return schema.wrong("unknown type " + base::found_text(&name));
}

/// A part of a JSON pointer in a URI: ~1 is /, ~0 is ~, %41 is A.
std::string unescaped_part(std::string_view part) {
  std::string bytes;
  for (size_t i = 0; i < part.size(); ++i) {
    unsigned value = 0;
    const char* digits = part.data() + i + 1;
    if (part[i] == '%' && part.size() - i > 2 &&
        std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2) {
      bytes += static_cast<char>(value);
      i += 2;
    } else {
      bytes += part[i];
    }
  }
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const bool escape = bytes[i] == '~' && i + 1 < bytes.size();
    if (escape && (bytes[i + 1] == '0' || bytes[i + 1] == '1')) {
      text += bytes[++i] == '0' ? '~' : '/';
    } else {
      text += bytes[i];
    }
  }
  return text;
}

/// The value in `within` that one part of a pointer names, or null.
const JsonValue* part_of(const JsonValue& within, std::string_view part) {
  if (!within.is_array()) return within.find(part);
  size_t index = 0;
  const char* end = part.data() + part.size();
  const auto [read, error] = std::from_chars(part.data(), end, index);
  if (error != std::errc() || read != end || index >= within.elements().size()) return nullptr;
  return &within.elements()[index];
}

}  // namespace

Schema Schema::member(std::string_view key) const {
  return {find(key), place + "/" + std::string(key)};
}

Schema Schema::element(std::string_view key, size_t index) const {
  return {&find(key)->elements()[index],
          place + "/" + std::string(key) + "/" + std::to_string(index)};
}

bool Schema::allows_all() const {
  if (value->is_boolean()) return value->boolean();
  return std::ranges::all_of(value->members(), says_nothing);
}

Status Schema::wrong(std::string_view what) const {
  return invalid_argument("schema: " + base::in_quotes(place) + ": " + std::string(what));
}

Status Schema::lacking(std::string_view what) const {
  return unsupported("schema: " + base::in_quotes(place) + ": " + std::string(what));
}

Result<std::optional<int64_t>> Schema::count(std::string_view key) const {
  const JsonValue* found = find(key);
  if (found == nullptr) return std::optional<int64_t>();
  std::optional<int64_t> count = found->integer();
  if (!count && found->is_number() && found->number() >= 0 && found->number() < 1e15 &&
      found->number() == static_cast<double>(static_cast<int64_t>(found->number()))) {
    count = static_cast<int64_t>(found->number());
  }
  if (count && *count >= 0) return count;
  return wrong(base::in_quotes(key) + ": expected 0 or more, found " + base::found_text(found));
}

Result<std::optional<std::string_view>> Schema::string(std::string_view key) const {
  const JsonValue* found = find(key);
  if (found == nullptr) return std::optional<std::string_view>();
  if (found->is_string()) return std::optional(found->string());
  return wrong(base::in_quotes(key) + ": expected a string, found " + base::found_text(found));
}

/// sign  1 for a lower bound, -1 for an upper one; the narrower of two bounds counts.
Result<std::optional<NumberBound>> Schema::bound(std::string_view key,
                                                 std::string_view excluded_key, double sign) const {
  std::optional<NumberBound> narrowest;
  for (const bool excluded : {false, true}) {
    const std::string_view name = excluded ? excluded_key : key;
    const JsonValue* found = find(name);
    if (found == nullptr) continue;
    if (!found->is_number()) {
      return wrong(base::in_quotes(name) + ": expected a number, found " + base::found_text(found));
    }
    const double limit = found->number();
    if (!narrowest || sign * limit > sign * narrowest->value ||
        (excluded && limit == narrowest->value)) {
      narrowest = NumberBound{limit, excluded};
    }
  }
  return narrowest;
}

Result<std::optional<NumberBound>> Schema::lower_bound() const {
  return bound("minimum", "exclusiveMinimum", 1.0);
}

Result<std::optional<NumberBound>> Schema::upper_bound() const {
  return bound("maximum", "exclusiveMaximum", -1.0);
}

Result<std::vector<std::string>> Schema::required() const {
  std::vector<std::string> names;
  const JsonValue* found = find("required");
  if (found == nullptr) return names;
  if (!found->is_array()) return wrong("'required': expected a list of names");
  for (const JsonValue& name : found->elements()) {
    if (!name.is_string()) return wrong("'required': expected a list of names");
    names.emplace_back(name.string());
  }
  return names;
}

Schema anything(const Schema& within) { return {&JsonValue::empty_object(), within.place}; }

Status check_keywords(const Schema& schema) {
  if (schema.value->is_boolean()) return {};
  if (!schema.value->is_object()) {
    return schema.wrong("expected a schema, found " + base::found_text(schema.value));
  }
  for (const base::JsonMember& member : schema.value->members()) {
    if (says_nothing(member)) continue;
    bool known = false;
    for (const Words words : {Words(kObjectWords), Words(kArrayWords), Words(kStringWords),
                              Words(kNumberWords), Words(kOtherWords)}) {
      known = known || is_one_of(member.name, words);
    }
    if (!known) {
      return schema.lacking("keyword " + base::in_quotes(member.name) + " is not supported");
    }
  }
  return {};
}

Status check_alone(const Schema& schema, std::string_view keyword,
                   std::initializer_list<std::string_view> known) {
  for (const base::JsonMember& member : schema.value->members()) {
    if (member.name == keyword || says_nothing(member) ||
        is_one_of(member.name, {known.begin(), known.size()}))
      continue;
    return schema.lacking("keyword " + base::in_quotes(member.name) + " beside " +
                          base::in_quotes(keyword) + " is not supported");
  }
  return {};
}

Result<uint32_t> kinds_of(const Schema& schema) {
  uint32_t kinds = 0;
  if (const JsonValue* type = schema.find("type")) {
    if (!type->is_array()) {
      LW_ASSIGN_OR_RETURN(kinds, kind_of_name(schema, *type));
    }
    for (const JsonValue& name : type->elements()) {
      LW_ASSIGN_OR_RETURN(const uint32_t kind, kind_of_name(schema, name));
      kinds |= kind;
    }
  } else {
    for (const base::JsonMember& member : schema.value->members()) {
      if (is_one_of(member.name, kObjectWords)) kinds |= kObject;
      if (is_one_of(member.name, kArrayWords)) kinds |= kArray;
      if (is_one_of(member.name, kStringWords)) kinds |= kString;
      if (is_one_of(member.name, kNumberWords)) kinds |= kNumber;
    }
  }
  const JsonValue* nullable = schema.find("nullable");
  if (nullable != nullptr && nullable->is_boolean() && nullable->boolean()) kinds |= kNull;
  return kinds;
}

uint32_t kinds_of_value(const JsonValue& value) noexcept {
  switch (value.type()) {
    case JsonValue::Type::kNull:
      return kNull;
    case JsonValue::Type::kBoolean:
      return kBoolean;
    case JsonValue::Type::kInteger:
    case JsonValue::Type::kUnsigned:
      return kInteger | kNumber;
    case JsonValue::Type::kFloat:
      return kNumber;
    case JsonValue::Type::kString:
      return kString;
    case JsonValue::Type::kArray:
      return kArray;
    case JsonValue::Type::kObject:
      return kObject;
  }
  return 0;
}

Result<Schema> resolve(const JsonValue& root, const Schema& from, std::string_view reference) {
  if (!reference.starts_with('#')) {
    return from.lacking("'$ref' to " + base::in_quotes(reference) +
                        ", another document, is not supported");
  }
  Schema found{&root, "#"};
  std::string_view rest = reference.substr(1);
  if (!rest.empty() && rest[0] != '/') {
    return from.lacking("'$ref' to an anchor, " + base::in_quotes(reference) +
                        ", is not supported");
  }
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::string_view part = rest.substr(0, rest.find('/'));
    rest.remove_prefix(part.size());
    found.value = part_of(*found.value, unescaped_part(part));
    found.place.append("/").append(part);
    if (found.value == nullptr) {
      return from.wrong("'$ref': there is no " + base::in_quotes(reference));
    }
  }
  return found;
}

}  // namespace lanewise::grammar
