#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "lanewise/status.hpp"

namespace lanewise::base {

/// JSON that Python or an editor wrote, as standard JSON: without a UTF-8 byte-order mark, and with
/// `NaN`, `Infinity` and `-Infinity` as strings. A field that nobody reads then does no harm;
/// whoever wants a number finds none, and says what stands there. Linear.
std::string standard_json(std::string_view text);

/// Looks at JSON from a file before nlohmann-json sees it: refuses, with kDataLoss, texts longer
/// than `max_bytes` (a tree takes up to sixteen times its text), nesting deeper than any file of
/// ours or of Hugging Face (later code may recurse), zero bytes, which the parser takes for the
/// end, and byte-order marks, which it skips. Linear; whether the text is JSON is not asked.
Status check_json(std::string_view text, size_t max_bytes);

}  // namespace lanewise::base
