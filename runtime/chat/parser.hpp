#pragma once

#include <memory>
#include <string_view>

#include "lanewise/status.hpp"
#include "runtime/chat/syntax.hpp"

namespace lanewise::chat {

/// Parses a template. kInvalidArgument if it is none, kUnsupported if it uses what only Jinja has,
/// kResourceExhausted beyond the limits; the message names the line.
Result<std::unique_ptr<const Program>> parse_program(std::string_view text);

}  // namespace lanewise::chat
