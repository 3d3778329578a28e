#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "cli/shell.hpp"
#include "lanewise/status.hpp"

namespace lanewise::cli {

/// --on-error: what becomes of a text, or row of ids, that the model cannot take.
class OnErrorOption {
 public:
  /// With or without `truncate`, for a command that refuses texts that are too long.
  void add_to(CLI::App& command, bool with_truncate);

  /// Whether a text that is too long is cut.
  bool truncates() const { return value_ == "truncate"; }
  /// Whether the others go on without it.
  bool skips() const { return value_ != "stop"; }

 private:
  std::string value_ = "stop";
};

/// Names on stderr what is left out and why, also with --quiet; the exit status says it too.
void leave_out(const Status& why, Shell& shell);

}  // namespace lanewise::cli
