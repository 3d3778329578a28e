#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace lanewise::cli {

/// lanewise(1), the manual page of `program` and its commands, made of what their --help says,
/// without the last line end.
std::string man_page(const CLI::App& program);

}  // namespace lanewise::cli
