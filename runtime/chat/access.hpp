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

/// value[start:stop:step] of a text, list, tuple or range; undefined for others. Each of the three
/// may be none.
Result<Value> slice_of(const Value& value, const Value& start, const Value& stop,
                       const Value& step, Store& store);

/// The attribute `parts`, "a.b.0", that filters such as map(attribute=...) take: an item of an item.
Result<Value> item_at_path(const Value& value, const Value& path, Store& store);

}  // namespace lanewise::chat
