#include "cli/on_error.hpp"

#include <string>
#include <vector>

namespace lanewise::cli {

void OnErrorOption::add_to(CLI::App& command, bool with_truncate) {
  std::vector<std::string> ways = {"stop", "skip"};
  std::string help =
      "If the model cannot accept a text: stop after the preceding results, or skip it";
  if (with_truncate) {
    ways.emplace_back("truncate");
    help += ",\nor truncate it if it is too long, otherwise skip it";
  }
  command.add_option("--on-error", value_, help + "; default: stop")
      ->type_name("HOW")
      ->check(CLI::IsMember(ways).description(""));
}

void leave_out(const Status& why, Shell& shell) {
  print_on_stderr("lanewise: skipped: " + why.message());
  shell.left_out = true;
}

}  // namespace lanewise::cli
