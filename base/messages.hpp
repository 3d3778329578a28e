#pragma once

#include <string>
#include <string_view>

#include "lanewise/status.hpp"

namespace lanewise::base {

/// `'text'` for a message. Names come from files that nobody vouches for, and a message is one
/// line on somebody's terminal: control characters become `?` and long text is cut with `...`.
std::string in_quotes(std::string_view text);

/// The system's text for `error` (an errno), as in "No such file or directory".
std::string reason_of(int error);
/// kNotFound where a name does not exist, kResourceExhausted for lack of memory, else kIo.
StatusCode code_of(int error) noexcept;

/// `cannot ACTION 'PATH': REASON` for an errno.
Status os_error(std::string_view action, std::string_view path, int error);

/// The same with words of our own, for what the system would allow and we do not.
Status file_error(StatusCode code, std::string_view action, std::string_view path,
                  std::string_view reason);

}  // namespace lanewise::base
