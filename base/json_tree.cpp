#include "base/json_tree.hpp"

#include <algorithm>
#include <type_traits>

#include "base/json_text.hpp"

namespace lanewise::base {

JsonTree::JsonTree() noexcept = default;
JsonTree::JsonTree(std::nullptr_t) noexcept {}
JsonTree::JsonTree(std::string value) noexcept : value_(std::move(value)) {}
JsonTree::JsonTree(std::string_view value) : value_(std::string(value)) {}
JsonTree::JsonTree(const char* value) : value_(std::string(value)) {}
JsonTree::JsonTree(JsonTree&&) noexcept = default;
JsonTree& JsonTree::operator=(JsonTree&&) noexcept = default;
JsonTree::~JsonTree() = default;

JsonTree JsonTree::of(const JsonValue& value) {
  switch (value.type()) {
    case JsonValue::Type::kNull:
      return {};
    case JsonValue::Type::kBoolean:
      return value.boolean();
    case JsonValue::Type::kInteger:
      return *value.integer();
    case JsonValue::Type::kUnsigned:
      return *value.natural();
    case JsonValue::Type::kFloat:
      return value.number();
    case JsonValue::Type::kString:
      return value.string();
    case JsonValue::Type::kArray: {
      JsonTree tree = array();
      Array& elements = std::get<Array>(tree.value_);
      elements.reserve(value.elements().size());
      for (const JsonValue& element : value.elements()) elements.push_back(of(element));
      return tree;
    }
    case JsonValue::Type::kObject: {
      JsonTree tree = object();
      Object& members = std::get<Object>(tree.value_);
      members.reserve(value.members().size());
      for (const auto& [name, member] : value.members()) {
        members.push_back({std::string(name), of(member)});
      }
      return tree;
    }
  }
  return {};
}

JsonTree JsonTree::object(std::initializer_list<Member> members) {
  JsonTree tree;
  Object& own = tree.value_.emplace<Object>();
  own.reserve(members.size());
  for (const Member& member : members) own.push_back({member.name, std::move(member.value)});
  return tree;
}

JsonTree JsonTree::copy() const {
  return std::visit(
      []<typename T>(const T& value) -> JsonTree {
        if constexpr (std::is_same_v<T, std::monostate>) {
          return {};
        } else if constexpr (std::is_same_v<T, Array>) {
          JsonTree tree = array();
          for (const JsonTree& element : value) tree.push_back(element.copy());
          return tree;
        } else if constexpr (std::is_same_v<T, Object>) {
          JsonTree tree = object();
          Object& members = std::get<Object>(tree.value_);
          for (const Member& member : value) members.push_back({member.name, member.value.copy()});
          return tree;
        } else {
          return value;
        }
      },
      value_);
}

bool JsonTree::is(std::string_view text) const noexcept {
  return string() != nullptr && *string() == text;
}

std::span<JsonTree> JsonTree::elements() noexcept {
  if (Array* array = std::get_if<Array>(&value_)) return *array;
  return {};
}

std::span<const JsonTree> JsonTree::elements() const noexcept {
  if (const Array* array = std::get_if<Array>(&value_)) return *array;
  return {};
}

std::span<JsonTree::Member> JsonTree::members() noexcept {
  if (Object* object = std::get_if<Object>(&value_)) return *object;
  return {};
}

const JsonTree* JsonTree::find(std::string_view name) const noexcept {
  const Object* object = std::get_if<Object>(&value_);
  if (object == nullptr) return nullptr;
  const auto found = std::ranges::find(*object, name, &Member::name);
  return found == object->end() ? nullptr : &found->value;
}

JsonTree* JsonTree::find(std::string_view name) noexcept {
  return const_cast<JsonTree*>(std::as_const(*this).find(name));
}

void JsonTree::push_back(JsonTree element) {
  std::get<Array>(value_).push_back(std::move(element));
}

void JsonTree::set(std::string_view name, JsonTree value) {
  if (JsonTree* member = find(name)) {
    *member = std::move(value);
  } else {
    std::get<Object>(value_).push_back({std::string(name), std::move(value)});
  }
}

void JsonTree::sort() {
  for (JsonTree& element : elements()) element.sort();
  for (Member& member : members()) member.value.sort();
  std::ranges::sort(members(), {}, &Member::name);
}

void JsonTree::append_to(std::string* text) const {
  const char* separator = "";
  if (is_null()) {
    *text += "null";
  } else if (const bool* truth = boolean()) {
    *text += *truth ? "true" : "false";
  } else if (const auto* integer = std::get_if<int64_t>(&value_)) {
    *text += std::to_string(*integer);
  } else if (const auto* natural = std::get_if<uint64_t>(&value_)) {
    *text += std::to_string(*natural);
  } else if (const auto* number = std::get_if<double>(&value_)) {
    append_json_number(*number, text);
  } else if (string() != nullptr) {
    append_json_string(*string(), text);
  } else if (is_array()) {
    *text += '[';
    for (const JsonTree& element : elements()) {
      *text += std::exchange(separator, ",");
      element.append_to(text);
    }
    *text += ']';
  } else {
    *text += '{';
    for (const auto& [name, value] : std::get<Object>(value_)) {
      *text += std::exchange(separator, ",");
      append_json_string(name, text);
      *text += ':';
      value.append_to(text);
    }
    *text += '}';
  }
}

std::string JsonTree::text() const {
  std::string text;
  append_to(&text);
  return text;
}

std::string sorted_text(JsonTree tree) {
  tree.sort();
  return tree.text();
}

}  // namespace lanewise::base
