#pragma once

#include "lanewise/status.hpp"
#include "runtime/chat/store.hpp"
#include "runtime/chat/syntax.hpp"
#include "runtime/chat/value.hpp"

namespace lanewise::chat {

// What Python's operators do with values. kInvalidArgument where Python raises an error.

/// bool(value)
bool is_true(const Value& value) noexcept;

/// left == right
Result<bool> equal(const Value& left, const Value& right, Store& store);

/// An operator of a comparison, `in` and `not in` among them.
Result<bool> compare(Operator op, const Value& left, const Value& right, Store& store);

/// An operator of arithmetic; + and * of texts and lists too. kResourceExhausted for integers of
/// more than 64 bits.
Result<Value> arithmetic(Operator op, const Value& left, const Value& right, Store& store);
Result<Value> negative(const Value& value);

/// The element of a dict with this key, null if there is none. kInvalidArgument if a key cannot be
/// of this type.
Result<const Value*> find(const Value& dict, const Value& key, Store& store);

/// The elements that a `for` gets; reads a stream to its end.
Result<std::span<const Value>> elements_of(const Value& value, Store& store);

/// len(value)
Result<int64_t> length_of(const Value& value, Store& store);

/// kInvalidArgument with the message of an undefined value; success for others.
Status check_defined(const Value& value);

}  // namespace lanewise::chat
