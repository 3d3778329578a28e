#pragma once

#include "lanewise/status.hpp"
#include "runtime/chat/store.hpp"
#include "runtime/chat/value.hpp"

namespace lanewise::chat {

/// value.name as Jinja's sandbox has it: a method, else an element; undefined if there is neither.
/// kInvalidArgument for an undefined value. Not for loops.
Result<Value> attribute_of(const Value& value, std::string_view name, Store& store);

/// value[index]: an element, else a method; undefined if there is neither.
Result<Value> item_of(const Value& value, const Value& index, Store& store);

/// value[start:stop:step] of a text, list, tuple or range; kInvalidArgument for others. Each of the
/// three may be none.
Result<Value> slice_of(const Value& value, const Value& start, const Value& stop, const Value& step,
                       Store& store);

/// The item of an item that `path` names, "a.b.0", as filters such as map(attribute=...) take it; the
/// value itself for none. `fallback`, unless it is none, replaces each item that is undefined.
Result<Value> item_at_path(const Value& value, const Value& path, Store& store,
                           const Value& fallback = Value::none());

}  // namespace lanewise::chat
