#pragma once

#include <string>
#include <string_view>

#include "lanewise/export.hpp"
#include "lanewise/status.hpp"

/// Helpers for programs that report errors in the style of the library's messages.

namespace lanewise {

/// Puts `text` in single quotes for a message. Names may come from untrusted files, and a message is
/// one line on a terminal: control characters become `?`, and texts over 240 bytes are truncated and
/// end in `...`. Thread-safe.
LANEWISE_EXPORT std::string in_quotes(std::string_view text) noexcept;

/// Returns the Status for a system call that failed with the errno `error`: `cannot ACTION 'PATH':
/// REASON`.
///
/// The code is kNotFound if the name does not exist, kResourceExhausted for lack of memory or
/// descriptors, otherwise kIo. Thread-safe.
LANEWISE_EXPORT Status os_error(std::string_view action, std::string_view path, int error);

}  // namespace lanewise
