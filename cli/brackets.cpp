#include "cli/brackets.hpp"

#include <algorithm>

namespace lanewise::cli {
namespace {

// A control character that no shell script passes by accident: "substitute".
constexpr char kMark = '\x1a';

}  // namespace

std::vector<std::string> mark_brackets(int argc, char** argv) {
  std::vector<std::string> arguments(argv, argv + argc);
  for (std::string& argument : arguments) {
    if (argument.starts_with('[') && argument.ends_with(']')) argument.insert(0, 1, kMark);
  }
  return arguments;
}

std::string without_marks(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), kMark), text.end());
  return text;
}

void take_marks_off(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    if (option->get_allow_extra_args() || option->get_type_size() == 0) continue;
    const auto unmark = [](std::string& text) {
      text = without_marks(text);
      return std::string();
    };
    option->transform(CLI::Validator(unmark, "", "unmark"));
  }
}

}  // namespace lanewise::cli
