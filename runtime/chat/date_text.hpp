#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include "lanewise/status.hpp"

namespace lanewise::chat {

/// A date and time as strftime() writes it in English. kUnsupported for a directive other than
/// those that are common: %a %A %b %B %d %e %D %F %H %I %j %m %M %p %S %T %R %y %Y %%, and %-d for
/// a number without zeros before it.
Result<std::string> date_text(const std::tm& time, std::string_view format);

/// The local time of the system.
std::tm local_time();

}  // namespace lanewise::chat
