#include "runtime/chat/json_input.hpp"

#include <string>
#include <vector>

namespace lanewise::chat {
namespace {

using JsonType = base::JsonValue::Type;

Result<Value> list_of(const base::JsonValue& json, Store& store) {
  const auto elements = json.elements();
  LW_ASSIGN_OR_RETURN(const std::span<Value> items, store.array<Value>(elements.size()));
  for (size_t i = 0; i < items.size(); ++i) {
    LW_ASSIGN_OR_RETURN(items[i], value_of(elements[i], store));
  }
  return Value::list(items);
}

Result<Value> dict_of(const base::JsonValue& json, Store& store) {
  const auto members = json.members();
  LW_ASSIGN_OR_RETURN(const std::span<Entry> entries, store.array<Entry>(members.size()));
  for (size_t i = 0; i < entries.size(); ++i) {
    entries[i].key = Value::string(members[i].name);
    LW_ASSIGN_OR_RETURN(entries[i].value, value_of(members[i].value, store));
  }
  return Value::dict(entries);
}

void set(std::vector<Entry>* entries, std::string_view key, const Value& value) {
  for (Entry& entry : *entries) {
    if (entry.key.text() == key) {
      entry.value = value;
      return;
    }
  }
  entries->push_back({Value::string(key), value});
}

/// What the message says that the model thought, under the first of its names.
const Value* reasoning_of(std::span<const Entry> entries) {
  for (const std::string_view name : {"reasoning_content", "thinking", "reasoning"}) {
    const Value* value = find(entries, name);
    if (value != nullptr && !value->is_none()) return value;
  }
  return nullptr;
}

Result<Value> message_of(const base::JsonValue& json, Store& store) {
  LW_ASSIGN_OR_RETURN(const Value message, dict_of(json, store));
  std::vector<Entry> entries;
  if (const Value* reasoning = reasoning_of(message.entries())) {
    const Value* thinking = find(message.entries(), "thinking");
    const bool has_thinking = thinking != nullptr && !thinking->is_none();
    entries.push_back({Value::string("thinking"), has_thinking ? *thinking : *reasoning});
    for (const Entry& entry : message.entries()) {
      if (!entry.value.is_none()) set(&entries, entry.key.text(), entry.value);
    }
    set(&entries, "reasoning_content", *reasoning);
  } else {
    for (const Entry& entry : message.entries()) {
      if (!entry.value.is_none()) entries.push_back(entry);
    }
  }
  return store.dict(entries);
}

}  // namespace

Result<Value> value_of(const base::JsonValue& json, Store& store) {
  switch (json.type()) {
    case JsonType::kNull:
      return Value::none();
    case JsonType::kBoolean:
      return Value::boolean(json.boolean());
    case JsonType::kInteger:
      return Value::integer(*json.integer());
    case JsonType::kUnsigned:
      return invalid_argument("the number " + std::to_string(*json.natural()) +
                              " does not fit into 64 bits with a sign");
    case JsonType::kFloat:
      return Value::real(json.number());
    case JsonType::kString:
      return Value::string(json.string());
    case JsonType::kArray:
      return list_of(json, store);
    case JsonType::kObject:
      return dict_of(json, store);
  }
  return Value::none();
}

Result<Value> messages_of(const base::JsonValue& json, Store& store) {
  if (!json.is_array()) {
    return invalid_argument("messages: expected a list, found " + base::found_text(&json));
  }
  std::vector<Value> messages;
  for (const base::JsonValue& element : json.elements()) {
    if (!element.is_object()) {
      return invalid_argument("messages[" + std::to_string(messages.size()) +
                              "]: expected an object, found " + base::found_text(&element));
    }
    LW_ASSIGN_OR_RETURN(messages.emplace_back(), message_of(element, store));
  }
  return store.list(messages);
}

}  // namespace lanewise::chat
