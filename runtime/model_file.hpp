#pragma once

#include <string>

#include "lanewise/status.hpp"

namespace lanewise::internal {

/// is_model_file() of lanewise/inspect.hpp, which cannot say that memory ran out: fails with
/// kResourceExhausted then.
Result<bool> holds_model(const std::string& path);

}  // namespace lanewise::internal
