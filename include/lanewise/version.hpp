#pragma once

#include <string_view>

#include "lanewise/export.hpp"

/// Which library this is, for messages and reports of faults. All functions here are thread-safe.
/// The instruction sets that it has kernels for are those of instruction_sets() in cpu.hpp.

namespace lanewise {

/// The version of the library that is loaded: "0.1.0". The same as lw_version() of the C interface.
LANEWISE_EXPORT std::string_view version() noexcept;

/// How the library that is loaded was built. The texts are valid until the program ends.
struct BuildInfo {
  std::string_view compiler;  ///< name and version: "GNU 12.2.0"
  std::string_view openmp;    ///< version of the specification: "4.5"
  std::string_view onednn;  ///< version of the loaded oneDNN: "2.6.3"; empty in a build without it
};

LANEWISE_EXPORT BuildInfo build_info() noexcept;

}  // namespace lanewise
