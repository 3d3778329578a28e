#include "cli/command.hpp"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace lanewise::cli {
namespace {

// More threads than any machine has, but few enough to be harmless.
constexpr long long kMostThreads = 1024;

template <typename Number>
bool parse(const std::string& text, Number& number) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stop == end;
}

}  // namespace

void refuse_empty_values(CLI::App& command) {
  const auto check = [](const std::string& text) -> std::string {
    return text.empty() ? "expected a value, got an empty one" : "";
  };
  for (CLI::Option* option : command.get_options()) {
    if (option->nonpositional() && option->get_type_size() > 0) {
      option->check(CLI::Validator(check, "", "not_empty"));
    }
  }
}

CLI::App* add_command(CLI::App& program, Shell& shell, const std::string& name,
                      const std::string& description) {
  CLI::App* command = program.add_subcommand(name, description);
  command->group("Commands");
  add_common_options(*command, shell.common);
  return command;
}

void add_common_options(CLI::App& app, CommonOptions& common) {
  const std::string group = "Options of every command";
  app.add_option("--threads", common.threads, "Threads; default: the CPUs that the process may use")
      ->check(whole_number(1, kMostThreads))
      ->type_name("N")
      ->group(group);
  app.add_option("--isa", common.isa,
                 "Instruction set from `lanewise cpu`; default: $LANEWISE_ISA, else the "
                 "best one")
      ->type_name("NAME")
      ->group(group);
  app.add_flag("--fast", common.fast, "Allow faster kernels whose last bits depend on the batch")
      ->group(group);
  app.add_flag("--quiet", common.quiet, "Print only errors and warnings to stderr")->group(group);
}

CLI::Option* add_model(CLI::App& command, std::string& model) {
  return command
      .add_option("MODEL", model,
                  "A converted model, or a checkpoint folder or file (converted in memory)")
      ->required()
      ->type_name("");
}

void wrong_usage(const std::string& message) { throw CLI::ValidationError(message); }

CLI::Validator whole_number(long long least, long long most) {
  const auto check = [least, most](const std::string& text) -> std::string {
    long long number = 0;
    if (parse(text, number) && number >= least && number <= most) return {};
    return fmt::format("expected a whole number from {} to {}, got '{}'", least, most, text);
  };
  return {check, "", "whole_number"};
}

CLI::Validator positive_seconds() {
  const auto check = [](const std::string& text) -> std::string {
    double seconds = 0.0;
    if (parse(text, seconds) && std::isfinite(seconds) && seconds > 0.0) return {};
    return fmt::format("expected a number of seconds above 0, got '{}'", text);
  };
  return {check, "", "seconds"};
}

CLI::Validator positive_number() {
  const auto check = [](const std::string& text) -> std::string {
    double number = 0.0;
    if (parse(text, number) && number > 0.0) return {};
    return fmt::format("expected a number above 0, got '{}'", text);
  };
  return {check, "", "number"};
}

}  // namespace lanewise::cli
