#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

/// CLI11 takes `[a, b]` for a list and splits it, which a text like `[MASK] or [SEP]` must not
/// suffer. So such arguments wear a mark while CLI11 reads them.
namespace lanewise::cli {

std::vector<std::string> mark_brackets(int argc, char** argv);

/// `text` without its mark, or any that CLI11 quotes in a message.
std::string without_marks(std::string text);

/// Takes the mark off the values of every option of `app` but lists, whose owners do it.
void take_marks_off(CLI::App& app);

}  // namespace lanewise::cli
