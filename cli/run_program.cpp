#include "cli/run_program.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <exception>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/about/man_page.hpp"
#include "cli/about/version.hpp"
#include "cli/brackets.hpp"
#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/shell.hpp"

namespace lanewise::cli {
namespace {

constexpr int kExitInputError = 1;
constexpr int kExitWrongUsage = 2;
constexpr int kExitLeftOut = 3;

constexpr auto kFooter =
    "Results go to stdout, everything else to stderr; `-` is stdin. Exit status: 0 on success, 1\n"
    "for an error in the input, 2 for wrong usage, 3 if --on-error skip omitted part of it.\n"
    "LANEWISE_ISA chooses the instruction set; LANEWISE_VERBOSE=1 explains why an implementation\n"
    "was chosen. `lanewise COMMAND --help` describes a command.";

/// If stdin, stdout or stderr is closed, the next opened file would get its number, and results
/// would go there. /dev/null replaces it, opened so that using it still fails.
void fill_standard_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) != -1) continue;
    const int wrong_way = descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY;
    if (::open("/dev/null", wrong_way) != descriptor) std::_Exit(kExitInputError);
  }
}

/// Flags that print something instead of running a command; print_help() writes it.
void add_program_flags(CLI::App& program) {
  CLI::Option* version = program.set_version_flag(
      "--version",
      [&program] { return program.count("--json") > 0 ? version_json() : version_text(); },
      "Print the version, the commit and what the program was built with");
  program.add_flag("--json")->description("With --version: print one JSON object")->needs(version);
  program.add_flag_callback(
      "--man", [&program] { throw CLI::CallForVersion(man_page(program), 0); },
      "Print the manual page, lanewise(1)");
}

std::vector<Command> add_commands(CLI::App& program, Shell& shell) {
  return {
#define LW_COMMAND(name) make_##name(program, shell),
#include "cli/commands.def"
#undef LW_COMMAND
  };
}

std::string names_of(const std::vector<Command>& commands) {
  std::string names;
  for (const Command& command : commands) {
    if (!names.empty()) names += ", ";
    names += command.app->get_name();
  }
  return names;
}

const Command* chosen(const std::vector<Command>& commands) {
  for (const Command& command : commands) {
    if (command.app->parsed()) return &command;
  }
  return nullptr;
}

int report_wrong_usage(const CLI::ParseError& error, const std::vector<Command>& commands,
                       const CLI::App& program) {
  const Command* command = chosen(commands);
  if (command != nullptr) {
    const std::string& name = command->app->get_name();
    const std::string message = without_marks(error.what());
    print_error(fmt::format("{}: {} (see `lanewise {} --help`)", name, message, name));
    return kExitWrongUsage;
  }
  std::string message = without_marks(error.what());
  const std::vector<std::string> rest = program.remaining();
  if (rest.empty() && error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError)) {
    message = "no command; known: " + names_of(commands);
  } else if (!rest.empty()) {
    const std::string first = without_marks(rest.front());
    message = fmt::format("unknown {} '{}'; commands: {}",
                          first.starts_with("-") ? "flag" : "command", first, names_of(commands));
  }
  print_error(message + " (see `lanewise --help`)");
  return kExitWrongUsage;
}

/// The exit code for a command's Status.
int exit_code_of(const Status& status, const Shell& shell) {
  if (shell.out.reader_gone()) return 0;
  if (status.ok()) return shell.left_out ? kExitLeftOut : 0;
  if (status.code() == StatusCode::kCancelled && interrupted()) {
    print_error("interrupted");
    return interrupted_exit_code();
  }
  print_error(status.message());
  return kExitInputError;
}

int print_help(const CLI::App& program, const CLI::ParseError& error, Shell& shell) {
  std::ostringstream text;
  program.exit(error, text, text);
  Status status = shell.out.write(text.str());
  if (status.ok()) status = shell.out.flush();
  return exit_code_of(status, shell);
}

/// Throws what a command does not catch.
int parse_and_run(int argc, char** argv) {
  Shell shell;
  CLI::App program("Runs Transformers on CPUs, from PyTorch checkpoints.", "lanewise");
  add_program_flags(program);
  program.require_subcommand(1);
  // Commands inherit the wording of the help.
  program.get_formatter()->label("SUBCOMMAND", "COMMAND [ARGUMENTS]");
  program.get_formatter()->label("REQUIRED", "");
  program.footer(kFooter);
  const std::vector<Command> commands = add_commands(program, shell);
  for (const Command& command : commands) {
    take_marks_off(*command.app);
    refuse_empty_values(*command.app);
  }
  const std::vector<std::string> arguments = mark_brackets(argc, argv);
  std::vector<const char*> pointers;
  pointers.reserve(arguments.size());
  for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
  try {
    program.parse(argc, pointers.data());
    Status status = chosen(commands)->run();
    if (status.ok()) status = shell.out.flush();
    return exit_code_of(status, shell);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return print_help(program, error, shell);
    return report_wrong_usage(error, commands, program);
  }
}

}  // namespace

int run_program(int argc, char** argv) {
  // A closed pipe at stdout becomes a failed write, which Output reports; temporary files are
  // removed.
  std::signal(SIGPIPE, SIG_IGN);
  // The same for a file beyond `ulimit -f`.
  std::signal(SIGXFSZ, SIG_IGN);
  fill_standard_descriptors();
  try {
    return parse_and_run(argc, argv);
  } catch (const std::bad_alloc&) {
    print_error("out of memory");
  } catch (const std::exception& error) {
    print_error(error.what());
  }
  return kExitInputError;
}

}  // namespace lanewise::cli
