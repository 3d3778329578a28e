#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace lanewise::chat {

class Loop;
struct Builtin;
struct Entry;
struct Macro;
struct Method;
struct Namespace;
struct Range;
struct Stream;

/// A value of a template: what Python would have there. A small handle: what it refers to lies in
/// the Store of the run, in the template or in the caller's JSON, and is never changed (but for
/// namespaces and streams).
///
/// Each accessor may be called only on values of its kind.
class Value {
 public:
  enum class Kind : uint8_t {
    kMissing,    ///< an argument that was not given; no expression has this value
    kUndefined,  ///< with a message for those who use it
    kNone,
    kBoolean,
    kInteger,
    kFloat,
    kString,  ///< UTF-8
    kList,
    kTuple,
    kDict,       ///< entries in the order of their insertion
    kDictItems,  ///< views of a dict: dict.items() ...
    kDictKeys,
    kDictValues,
    kRange,
    kStream,  ///< an iterator: can be read once
    kNamespace,
    kMacro,
    kFunction,
    kMethod,  ///< of a value: "abc".strip
    kLoop,
  };

  Value() noexcept : Value(Kind::kMissing) {}
  static Value undefined(std::string_view message) noexcept {
    return with_text(Kind::kUndefined, message);
  }
  static Value none() noexcept { return Value(Kind::kNone); }
  static Value boolean(bool value) noexcept;
  static Value integer(int64_t value) noexcept;
  static Value real(double value) noexcept;
  static Value string(std::string_view text) noexcept { return with_text(Kind::kString, text); }
  /// The text that the filter `safe` gives: what is added to it is escaped for HTML.
  static Value safe_string(std::string_view text) noexcept {
    Value value = string(text);
    value.is_safe_ = true;
    return value;
  }
  static Value list(std::span<const Value> items) noexcept {
    return with_items(Kind::kList, items);
  }
  static Value tuple(std::span<const Value> items) noexcept {
    return with_items(Kind::kTuple, items);
  }
  static Value dict(std::span<const Entry> entries) noexcept;
  /// kind  one of the views
  static Value view(Kind kind, const Value& dict) noexcept;
  static Value range(const Range* range) noexcept { return with_object(Kind::kRange, range); }
  static Value stream(Stream* stream) noexcept { return with_object(Kind::kStream, stream); }
  static Value name_space(Namespace* names) noexcept {
    return with_object(Kind::kNamespace, names);
  }
  static Value macro(const Macro* macro) noexcept { return with_object(Kind::kMacro, macro); }
  static Value function(const Builtin* builtin) noexcept {
    return with_object(Kind::kFunction, builtin);
  }
  static Value method(const Method* method) noexcept { return with_object(Kind::kMethod, method); }
  static Value loop(Loop* loop) noexcept { return with_object(Kind::kLoop, loop); }

  Kind kind() const noexcept { return kind_; }
  bool is(Kind kind) const noexcept { return kind_ == kind; }
  bool is_missing() const noexcept { return is(Kind::kMissing); }
  bool is_undefined() const noexcept { return is(Kind::kUndefined); }
  bool is_none() const noexcept { return is(Kind::kNone); }
  bool is_string() const noexcept { return is(Kind::kString); }
  bool is_safe() const noexcept { return is_safe_; }
  bool is_dict() const noexcept { return is(Kind::kDict); }
  /// A list or a tuple.
  bool is_array() const noexcept { return is(Kind::kList) || is(Kind::kTuple); }
  /// An integer or a boolean, which is one in Python.
  bool is_integral() const noexcept { return is(Kind::kInteger) || is(Kind::kBoolean); }
  bool is_number() const noexcept { return is_integral() || is(Kind::kFloat); }

  bool boolean() const noexcept { return boolean_; }
  /// Of an integer or a boolean.
  int64_t integer() const noexcept { return is(Kind::kBoolean) ? boolean_ : integer_; }
  /// Of any number.
  double real() const noexcept {
    return is(Kind::kFloat) ? float_ : static_cast<double>(integer());
  }
  /// Of a string; the message of an undefined value.
  std::string_view text() const noexcept { return {text_, size_}; }
  /// Of a list or a tuple.
  std::span<const Value> items() const noexcept { return {items_, size_}; }
  /// Of a dict or a view of one.
  std::span<const Entry> entries() const noexcept;
  const Range& range() const noexcept { return *static_cast<const Range*>(object_); }
  Stream& stream() const noexcept { return *mutable_object<Stream>(); }
  Namespace& name_space() const noexcept { return *mutable_object<Namespace>(); }
  const Macro& macro() const noexcept { return *static_cast<const Macro*>(object_); }
  const Builtin& function() const noexcept { return *static_cast<const Builtin*>(object_); }
  const Method& method() const noexcept { return *static_cast<const Method*>(object_); }
  Loop& loop() const noexcept { return *mutable_object<Loop>(); }
  /// Whether both are the same object in memory.
  bool same_object(const Value& other) const noexcept {
    return kind_ == other.kind_ && object_ == other.object_ && size_ == other.size_;
  }

 private:
  explicit Value(Kind kind) noexcept : kind_(kind), object_(nullptr) {}
  static Value with_text(Kind kind, std::string_view text) noexcept;
  static Value with_items(Kind kind, std::span<const Value> items) noexcept;
  static Value with_object(Kind kind, const void* object) noexcept;
  template <typename T>
  T* mutable_object() const noexcept {
    return static_cast<T*>(const_cast<void*>(object_));
  }

  Kind kind_;
  bool is_safe_ = false;
  uint32_t size_ = 0;  // of a text, a list, a tuple or a dict
  union {
    bool boolean_;
    int64_t integer_;
    double float_;
    const char* text_;
    const Value* items_;
    const Entry* entries_;
    const void* object_;
  };
};

using ValueKind = Value::Kind;

struct Entry {
  Value key;
  Value value;
};

struct Range {
  int64_t start;
  int64_t stop;
  int64_t step;
  int64_t size;
};

struct Stream {
  std::span<const Value> items;
  size_t next = 0;

  /// What was not read yet; then all is read.
  std::span<const Value> rest() noexcept;
};

/// A variable of a namespace or of a scope, in a list.
struct Variable {
  std::string_view name;
  Value value;
  Variable* next;
};

struct Namespace {
  Variable* first = nullptr;

  Variable* find(std::string_view name) const noexcept;
};

struct Method {
  Value subject;
  const Builtin* builtin;
};

/// The name of the type for messages, as Python has it.
std::string_view type_name(const Value& value) noexcept;

/// The value of a key, or null.
const Value* find(std::span<const Entry> entries, std::string_view key) noexcept;

}  // namespace lanewise::chat
