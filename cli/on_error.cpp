#include "cli/on_error.hpp"

namespace lanewise::cli {

void OnErrorOption::add_to(CLI::App& command) {
  command
      .add_option("--on-error", value_,
                  "A text that the model cannot take: stop behind the results before it; skip it,\n"
                  "with an empty line in its place; truncate it if it is too long, else skip it.\n"
                  "Default: stop")
      ->type_name("HOW")
      ->check(CLI::IsMember({"stop", "skip", "truncate"}).description(""));
}

void leave_out(const Status& why, Shell& shell) {
  print_on_stderr("lanewise: skipped: " + why.message());
  shell.left_out = true;
}

}  // namespace lanewise::cli
