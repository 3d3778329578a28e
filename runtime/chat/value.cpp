#include "runtime/chat/value.hpp"

#include <utility>

namespace lanewise::chat {

Value Value::boolean(bool value) noexcept {
  Value result(Kind::kBoolean);
  result.boolean_ = value;
  return result;
}

Value Value::integer(int64_t value) noexcept {
  Value result(Kind::kInteger);
  result.integer_ = value;
  return result;
}

Value Value::real(double value) noexcept {
  Value result(Kind::kFloat);
  result.float_ = value;
  return result;
}

Value Value::dict(std::span<const Entry> entries) noexcept {
  Value result(Kind::kDict);
  result.entries_ = entries.data();
  result.size_ = static_cast<uint32_t>(entries.size());
  return result;
}

Value Value::view(Kind kind, const Value& dict) noexcept {
  Value result = dict;
  result.kind_ = kind;
  return result;
}

Value Value::with_text(Kind kind, std::string_view text) noexcept {
  Value result(kind);
  result.text_ = text.data();
  result.size_ = static_cast<uint32_t>(text.size());
  return result;
}

Value Value::with_items(Kind kind, std::span<const Value> items) noexcept {
  Value result(kind);
  result.items_ = items.data();
  result.size_ = static_cast<uint32_t>(items.size());
  return result;
}

Value Value::with_object(Kind kind, const void* object) noexcept {
  Value result(kind);
  result.object_ = object;
  return result;
}

std::span<const Entry> Value::entries() const noexcept { return {entries_, size_}; }

std::span<const Value> Stream::rest() noexcept {
  const std::span<const Value> left = items.subspan(next);
  next = items.size();
  return left;
}

Variable* Namespace::find(std::string_view name) const noexcept {
  for (Variable* variable = first; variable != nullptr; variable = variable->next) {
    if (variable->name == name) return variable;
  }
  return nullptr;
}

std::string_view type_name(const Value& value) noexcept {
  switch (value.kind()) {
    case Value::Kind::kMissing:
    case Value::Kind::kUndefined:
      return "Undefined";
    case Value::Kind::kNone:
      return "NoneType";
    case Value::Kind::kBoolean:
      return "bool";
    case Value::Kind::kInteger:
      return "int";
    case Value::Kind::kFloat:
      return "float";
    case Value::Kind::kString:
      return "str";
    case Value::Kind::kList:
      return "list";
    case Value::Kind::kTuple:
      return "tuple";
    case Value::Kind::kDict:
      return "dict";
    case Value::Kind::kDictItems:
      return "dict_items";
    case Value::Kind::kDictKeys:
      return "dict_keys";
    case Value::Kind::kDictValues:
      return "dict_values";
    case Value::Kind::kRange:
      return "range";
    case Value::Kind::kStream:
      return "generator";
    case Value::Kind::kNamespace:
      return "namespace";
    case Value::Kind::kMacro:
      return "macro";
    case Value::Kind::kFunction:
      return "function";
    case Value::Kind::kMethod:
      return "method";
    case Value::Kind::kLoop:
      return "loop";
  }
  return "";
}

const Value* find(std::span<const Entry> entries, std::string_view key) noexcept {
  for (const Entry& entry : entries) {
    if (entry.key.is_string() && entry.key.text() == key) return &entry.value;
  }
  return nullptr;
}

}  // namespace lanewise::chat
