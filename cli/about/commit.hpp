#pragma once

#include <string_view>

namespace lanewise::cli {

/// The commit that the program was built from, `8833f53` or `8833f53-dirty`; empty if it was not
/// built from a checkout. Defined in a file that the build writes (cmake/commit.cmake).
std::string_view commit();

}  // namespace lanewise::cli
