#pragma once

#include <string>

#include "lanewise/status.hpp"
#include "runtime/chat/store.hpp"
#include "runtime/chat/value.hpp"

namespace lanewise::chat {

/// The text that Python's str() gives for a value. A string is returned as it is. Fails for streams,
/// functions and other objects whose text would name an address.
Result<Value> text_of(const Value& value, Store& store);

/// repr() of a float: the shortest text that reads as the same number.
std::string float_text(double value);

/// What was not expected, for a message: the type, and a short value.
std::string found_text(const Value& value);

}  // namespace lanewise::chat
