#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

/// CLI11 splits `[a, b]` as a list, which must not happen to a text like `[MASK] or [SEP]`. Such
/// arguments carry a mark while CLI11 parses them.
namespace lanewise::cli {

std::vector<std::string> mark_brackets(int argc, char** argv);

/// `text` without marks, such as those that CLI11 quotes in a message.
std::string without_marks(std::string text);

/// Removes the mark from the values of every option of `app` except lists, whose owners do it.
void take_marks_off(CLI::App& app);

}  // namespace lanewise::cli
