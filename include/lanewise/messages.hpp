#pragma once

#include <string>
#include <string_view>

#include "lanewise/export.hpp"
#include "lanewise/status.hpp"

/// Messages in the library's own style, for programs that report errors beside the library's.

namespace lanewise {

/// `'text'` for a message. Names come from files that nobody vouches for, and a message is one line
/// on somebody's terminal: control characters become `?`, and `...` ends a text that is cut after
/// 240 bytes. Thread-safe.
LANEWISE_EXPORT std::string in_quotes(std::string_view text) noexcept;

/// The Status of a system call that failed with `error`, an errno: `cannot ACTION 'PATH': REASON`.
///
/// kNotFound where the name does not exist, kResourceExhausted for lack of memory or descriptors,
/// else kIo. Thread-safe.
LANEWISE_EXPORT Status os_error(std::string_view action, std::string_view path, int error);

}  // namespace lanewise
