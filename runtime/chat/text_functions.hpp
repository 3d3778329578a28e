#pragma once

#include <string_view>

#include "lanewise/status.hpp"
#include "runtime/chat/store.hpp"
#include "runtime/chat/unicode.hpp"
#include "runtime/chat/value.hpp"

namespace lanewise::chat {

// What both filters and methods of strings do.

/// str.strip with an argument: missing or none for white space.
Result<Value> stripped(std::string_view text, Sides sides, const Value& chars);

/// str.replace; at most `count` times unless that is missing, none or negative.
Result<Value> replaced(std::string_view text, std::string_view from, std::string_view to,
                       const Value& count, Store& store);

/// separator.join(texts), all of them strings.
Result<Value> joined(std::string_view separator, std::span<const Value> texts, Store& store);

}  // namespace lanewise::chat
