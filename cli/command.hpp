#pragma once

#include <functional>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/shell.hpp"
#include "lanewise/status.hpp"

namespace lanewise::cli {

/// One command of the program: its flags for CLI11, and its action.
struct Command {
  CLI::App* app = nullptr;
  /// A failure becomes `lanewise: error: ...` and exit status 1. Wrong usage that is detected only
  /// after parsing is thrown by wrong_usage().
  std::function<Status()> run;
};

#define LW_COMMAND(name) Command make_##name(CLI::App& program, Shell& shell);
#include "cli/commands.def"
#undef LW_COMMAND

/// A command called `name`, with the flags that every command has.
CLI::App* add_command(CLI::App& program, Shell& shell, const std::string& name,
                      const std::string& description);

/// The flags that every command has.
void add_common_options(CLI::App& app, CommonOptions& common);

/// MODEL, the first operand of most commands.
CLI::Option* add_model(CLI::App& command, std::string& model);

/// Makes an empty value of a flag wrong usage: it usually comes from an unset shell variable, and
/// commands could not distinguish it from a missing flag.
void refuse_empty_values(CLI::App& command);

/// Ends the program with exit status 2 and `message` on stderr.
[[noreturn]] void wrong_usage(const std::string& message);

/// CLI11 checks for values of flags: whole numbers in [least, most]; seconds, > 0.
CLI::Validator whole_number(long long least, long long most);
CLI::Validator positive_seconds();

/// A number above 0, infinity included.
CLI::Validator positive_number();

}  // namespace lanewise::cli
