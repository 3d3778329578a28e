#include "ops/onednn/version.hpp"

namespace lanewise::ops {

std::string_view onednn_version() noexcept { return {}; }

}  // namespace lanewise::ops
