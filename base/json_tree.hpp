#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.hpp"

namespace lanewise::base {

/// A JSON value to build, to change and to write. Objects keep the order in which their members
/// were added. Destroying one does not allocate.
class JsonTree {
 public:
  /// A member of an object. Its value can be moved out of an initializer list.
  struct Member;

  JsonTree() noexcept;  ///< null
  JsonTree(std::nullptr_t) noexcept;
  template <typename T>
  requires std::is_arithmetic_v<T> JsonTree(T value)
  noexcept;
  JsonTree(std::string value) noexcept;
  JsonTree(std::string_view value);
  JsonTree(const char* value);
  /// An array.
  template <typename T>
  JsonTree(const std::vector<T>& values);

  JsonTree(JsonTree&&) noexcept;
  JsonTree& operator=(JsonTree&&) noexcept;
  ~JsonTree();

  /// A copy of a parsed value, its members in alphabetical order.
  static JsonTree of(const JsonValue& value);
  template <typename... Elements>
  static JsonTree array(Elements&&... elements);
  /// An object of members with different names.
  static JsonTree object(std::initializer_list<Member> members = {});
  /// The same of pairs of a name and a value.
  template <typename Pairs>
  static JsonTree object_of(const Pairs& pairs);
  JsonTree copy() const;

  bool is_null() const noexcept { return std::holds_alternative<std::monostate>(value_); }
  bool is_array() const noexcept { return std::holds_alternative<Array>(value_); }
  bool is_object() const noexcept { return std::holds_alternative<Object>(value_); }
  /// Whether this is a string and equal to `text`.
  bool is(std::string_view text) const noexcept;
  /// Null unless this is a boolean, or a string.
  const bool* boolean() const noexcept { return std::get_if<bool>(&value_); }
  const std::string* string() const noexcept { return std::get_if<std::string>(&value_); }

  /// None unless this is an array, or an object.
  std::span<JsonTree> elements() noexcept;
  std::span<const JsonTree> elements() const noexcept;
  std::span<Member> members() noexcept;
  /// Null if this is no object, or has no member of this name. Linear.
  JsonTree* find(std::string_view name) noexcept;
  const JsonTree* find(std::string_view name) const noexcept;

  /// Of an array: adds an element at the end.
  void push_back(JsonTree element);
  /// Of an object: changes the member of this name, or adds one at the end. Linear.
  void set(std::string_view name, JsonTree value);
  /// Puts the members of all objects into alphabetical order.
  void sort();

  /// JSON without white space; numbers and strings as append_json_number() and append_json_string()
  /// write them.
  std::string text() const;

 private:
  using Array = std::vector<JsonTree>;
  using Object = std::vector<Member>;

  void append_to(std::string* text) const;

  std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string, Array, Object> value_;
};

struct JsonTree::Member {
  std::string name;
  mutable JsonTree value;
};

template <typename T>
requires std::is_arithmetic_v<T> JsonTree::JsonTree(T value)
noexcept {
  if constexpr (std::is_same_v<T, bool>) {
    value_ = value;
  } else if constexpr (std::is_floating_point_v<T>) {
    value_ = double{value};
  } else if constexpr (std::is_signed_v<T>) {
    value_ = int64_t{value};
  } else {
    value_ = uint64_t{value};
  }
}

/// The text of a tree with the members of its objects in alphabetical order.
std::string sorted_text(JsonTree tree);

template <typename T>
JsonTree::JsonTree(const std::vector<T>& values) : JsonTree(array()) {
  for (const T& value : values) push_back(JsonTree(value));
}

template <typename... Elements>
JsonTree JsonTree::array(Elements&&... elements) {
  JsonTree tree;
  tree.value_.emplace<Array>();
  (tree.push_back(JsonTree(std::forward<Elements>(elements))), ...);
  return tree;
}

template <typename Pairs>
JsonTree JsonTree::object_of(const Pairs& pairs) {
  JsonTree tree = object();
  Object& members = std::get<Object>(tree.value_);
  members.reserve(pairs.size());
  for (const auto& [name, value] : pairs) members.push_back({std::string(name), JsonTree(value)});
  return tree;
}

}  // namespace lanewise::base
