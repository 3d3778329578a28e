#include "runtime/grammar/schema_members.hpp"

#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"

namespace lanewise::grammar {
namespace {

using base::JsonValue;

// References within allOf, one to the next.
constexpr int kMaxReferences = 100;

/// Adds the parts of an allOf, and of those within it, to `parts`.
Status flatten(const JsonValue& root, Schema schema, int depth, std::vector<Schema>& parts) {
  if (depth > kMaxReferences) return schema.wrong("'allOf': references in a circle");
  LW_RETURN_IF_ERROR(check_keywords(schema));
  if (schema.allows_all()) return {};
  if (!schema.value->is_object()) {
    parts.push_back(std::move(schema));
    return {};
  }
  if (schema.has("$ref")) {
    LW_RETURN_IF_ERROR(check_alone(schema, "$ref", {}));
    LW_ASSIGN_OR_RETURN(const auto reference, schema.string("$ref"));
    LW_ASSIGN_OR_RETURN(Schema target, resolve(root, schema, *reference));
    return flatten(root, std::move(target), depth + 1, parts);
  }
  const JsonValue* list = schema.find("allOf");
  if (list == nullptr) {
    parts.push_back(std::move(schema));
    return {};
  }
  if (!list->is_array()) return schema.wrong("'allOf': expected a list of schemas");
  for (size_t i = 0; i < list->elements().size(); ++i) {
    LW_RETURN_IF_ERROR(flatten(root, schema.element("allOf", i), depth + 1, parts));
  }
  // What stands beside it is one more part.
  if (!check_alone(schema, "allOf", {}).ok()) parts.push_back(std::move(schema));
  return {};
}

/// Adds the properties of one schema.
Status collect(const Schema& schema, Members& members) {
  const JsonValue* properties = schema.find("properties");
  if (properties == nullptr) return {};
  if (!properties->is_object()) return schema.wrong("'properties': expected an object");
  for (const base::JsonMember& property : properties->members()) {
    const std::string name(property.name);
    if (!members.places.emplace(name, members.named.size()).second) {
      return schema.lacking("property " + base::in_quotes(name) +
                            " in two parts of 'allOf' is not supported");
    }
    members.named.push_back({name, {&property.value, schema.place + "/properties/" + name}});
  }
  return {};
}

/// Marks the required members. Those without a description can be anything, unless there are no
/// others.
Status finish_members(const Schema& schema, Members& members,
                      const std::vector<std::string>& required) {
  const bool closed = !members.others &&
                      (schema.has("additionalProperties") || schema.has("unevaluatedProperties"));
  for (const std::string& name : required) {
    const auto [known, is_new] = members.places.emplace(name, members.named.size());
    if (!is_new) {
      members.named[known->second].required = true;
    } else if (closed) {
      return schema.wrong("required " + base::in_quotes(name) + " is not among the properties");
    } else {
      members.named.push_back({name, members.others.value_or(anything(schema)), true});
    }
  }
  return {};
}

/// Adds a part of an allOf. `closed`: whether a part so far allows no members but those described.
Status add_part(const Schema& part, Members& members, std::vector<std::string>& required,
                bool& closed) {
  LW_RETURN_IF_ERROR(check_alone(
      part, "allOf",
      {"type", "properties", "required", "additionalProperties", "unevaluatedProperties"}));
  LW_ASSIGN_OR_RETURN(const uint32_t kinds, kinds_of(part));
  const JsonValue* additional = part.find("additionalProperties");
  if (kinds != kObject ||
      (additional != nullptr && !(additional->is_boolean() && additional->boolean()))) {
    return part.lacking("'allOf' of anything but open objects is not supported");
  }
  LW_RETURN_IF_ERROR(collect(part, members));
  const JsonValue* unevaluated = part.find("unevaluatedProperties");
  closed =
      closed || (unevaluated != nullptr && unevaluated->is_boolean() && !unevaluated->boolean());
  LW_ASSIGN_OR_RETURN(const std::vector<std::string> names, part.required());
  required.insert(required.end(), names.begin(), names.end());
  if (additional != nullptr && !closed) members.others = anything(part);
  return {};
}

}  // namespace

Result<Members> members_of(const Schema& schema) {
  Members members;
  LW_RETURN_IF_ERROR(collect(schema, members));
  const JsonValue* others = schema.find("additionalProperties");
  if (others == nullptr) others = schema.find("unevaluatedProperties");
  if (others != nullptr) {
    Schema described{others, schema.place + "/additionalProperties"};
    LW_RETURN_IF_ERROR(check_keywords(described));
    if (!others->is_boolean() || others->boolean()) members.others = std::move(described);
  } else if (!schema.has("properties")) {
    members.others = anything(schema);
  }
  LW_ASSIGN_OR_RETURN(const std::vector<std::string> required, schema.required());
  LW_RETURN_IF_ERROR(finish_members(schema, members, required));
  return members;
}

Result<std::vector<Schema>> parts_of_all(const JsonValue& root, const Schema& schema) {
  std::vector<Schema> parts;
  LW_RETURN_IF_ERROR(flatten(root, schema, 0, parts));
  return parts;
}

Result<std::optional<Members>> members_of_all(const Schema& schema,
                                              const std::vector<Schema>& parts) {
  Members members;
  std::vector<std::string> required;
  bool closed = false;
  for (const Schema& part : parts) {
    if (!part.value->is_object()) return std::optional<Members>();  // false
    LW_RETURN_IF_ERROR(add_part(part, members, required, closed));
  }
  if (closed) {
    members.others.reset();
  } else if (members.named.empty()) {
    members.others = anything(schema);
  }
  LW_RETURN_IF_ERROR(finish_members(schema, members, required));
  return std::optional(std::move(members));
}

}  // namespace lanewise::grammar
