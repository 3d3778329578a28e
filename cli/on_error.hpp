#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "cli/shell.hpp"
#include "lanewise/status.hpp"

namespace lanewise::cli {

/// --on-error: what happens to a text, or row of ids, that the model cannot take.
class OnErrorOption {
 public:
  /// `with_truncate`: false for a command that rejects texts that are too long.
  void add_to(CLI::App& command, bool with_truncate);

  /// Whether texts that are too long are truncated.
  bool truncates() const { return value_ == "truncate"; }
  /// Whether the command continues without the text.
  bool skips() const { return value_ != "stop"; }

 private:
  std::string value_ = "stop";
};

/// Reports on stderr, even with --quiet, what is left out and why; the exit status shows it too.
void leave_out(const Status& why, Shell& shell);

}  // namespace lanewise::cli
