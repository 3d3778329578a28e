#pragma once

#include <string>
#include <string_view>

#include "lanewise/status.hpp"

namespace lanewise::base {

/// `'text'` for a message. Names come from untrusted files, and messages are printed on terminals
/// as one line: control characters become `?` and long text is truncated with `...`.
std::string in_quotes(std::string_view text);

/// The system's text for `error` (an errno), as in "No such file or directory".
std::string reason_of(int error);
/// kNotFound if a name does not exist, kResourceExhausted if memory is lacking, else kIo.
StatusCode code_of(int error) noexcept;

/// `cannot ACTION 'PATH': REASON` for an errno.
Status os_error(std::string_view action, std::string_view path, int error);

/// The same with our own reason, for what the system would allow and we do not.
Status file_error(StatusCode code, std::string_view action, std::string_view path,
                  std::string_view reason);

}  // namespace lanewise::base
