#include "lanewise/version.hpp"

#include "ops/onednn/version.hpp"

namespace lanewise {

std::string_view version() noexcept { return LANEWISE_VERSION; }

BuildInfo build_info() noexcept {
  return {LANEWISE_COMPILER, LANEWISE_OPENMP, ops::onednn_version()};
}

}  // namespace lanewise
