#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include "lanewise/status.hpp"

namespace lanewise::fuzz {

/// Ends the run, which libFuzzer reports with its input.
inline void require(bool condition) {
  if (!condition) std::abort();
}

/// Requires that a failure has a message of one line, safe for a terminal.
inline void require_message(const Status& status) {
  require(status.ok() || (!status.message().empty() && status.message().size() < 4096 &&
                          status.message().find('\n') == std::string::npos));
}

inline std::string_view text_of(const unsigned char* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace lanewise::fuzz
