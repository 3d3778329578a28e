#pragma once

#include <optional>
#include <string>

#include "lanewise/status.hpp"
#include "runtime/chat/store.hpp"
#include "runtime/chat/value.hpp"

namespace lanewise::chat {

/// The arguments of Transformers' filter `tojson`, which are those of Python's json.dumps.
struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  std::optional<std::string> indent;  ///< what one level is indented by
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};

/// A value as JSON text. Fails for values that JSON does not have, such as undefined ones.
Result<Value> json_of(const Value& value, const JsonStyle& style, Store& store);

}  // namespace lanewise::chat
