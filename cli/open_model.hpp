#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "cli/shell.hpp"
#include "lanewise/convert.hpp"
#include "lanewise/model.hpp"

namespace lanewise::cli {

/// Options with reports on stderr, unless --quiet, and warnings in any case.
ConvertOptions convert_options(const Shell& shell);

/// Adds --as, for commands that open a checkpoint and can use a part of it.
void add_as(CLI::App& command, std::string& as);

/// MODEL on the command line: a model file, or a checkpoint that is converted in memory, whole or
/// only the part `as` (ConvertOptions::as).
Result<Model> open_model(const std::string& path, const Shell& shell, const std::string& as = "");

/// `22.7 M`, human-readable.
std::string rounded(double number);

/// `90.9 MB`, in units of 1000.
std::string rounded_bytes(int64_t bytes);

}  // namespace lanewise::cli
