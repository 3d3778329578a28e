#pragma once

#include "base/json.hpp"
#include "lanewise/status.hpp"
#include "runtime/chat/store.hpp"
#include "runtime/chat/value.hpp"

namespace lanewise::chat {

/// A JSON value as a value of a template. Texts are those of the document, which outlives it.
/// kInvalidArgument for an integer of more than 64 bits.
Result<Value> value_of(const base::JsonValue& json, Store& store);

/// The messages of a chat as Transformers hands them to a template (since version 5): a list of
/// dicts without the members that are null, and with what a model thought under each name that
/// templates know (`reasoning_content` and `thinking`). kInvalidArgument if they are anything else.
Result<Value> messages_of(const base::JsonValue& json, Store& store);

}  // namespace lanewise::chat
