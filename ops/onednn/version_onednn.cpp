#include <array>
#include <cstdio>

#include <dnnl.h>

#include "ops/onednn/version.hpp"

namespace lanewise::ops {

std::string_view onednn_version() noexcept {
  // Three ints and two dots fit.
  static const std::array<char, 40> text = [] {
    std::array<char, 40> formatted = {};
    const dnnl_version_t* version = dnnl_version();
    std::snprintf(formatted.data(), formatted.size(), "%d.%d.%d", version->major, version->minor,
                  version->patch);
    return formatted;
  }();
  return text.data();
}

}  // namespace lanewise::ops
