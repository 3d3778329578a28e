#pragma once

#include <string_view>

namespace lanewise::ops {

/// The version of the loaded oneDNN, "2.6.3" (version_onednn.cpp); empty in a build without oneDNN
/// (version_onednn_absent.cpp). Valid until the program ends.
std::string_view onednn_version() noexcept;

}  // namespace lanewise::ops
