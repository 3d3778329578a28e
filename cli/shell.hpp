#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lanewise/session.hpp"
#include "lanewise/status.hpp"

namespace lanewise::cli {

/// The values of the flags of every command.
struct CommonOptions {
  int threads = 0;
  std::string isa;
  bool fast = false;
  bool quiet = false;
};

/// Standard output: only results, buffered.
///
/// Fails with kIo if it cannot be written. If its reader has gone (`| head -1`), which is not a
/// failure of ours, reader_gone() tells main() to end quietly.
class Output {
 public:
  Status write(std::string_view text);
  /// write(), and a line end.
  Status line(std::string_view text);
  Status flush();
  bool reader_gone() const noexcept { return reader_gone_; }

 private:
  std::string buffer_;
  bool reader_gone_ = false;
};

/// The environment of a command.
struct Shell {
  CommonOptions common;
  Output out;
  bool left_out = false;  ///< --on-error skipped a part of the input: exit status 3

  /// One line on stderr, unless --quiet.
  void note(std::string_view text) const;
  /// Whether progress on stderr is wanted and reaches a person.
  bool shows_progress() const noexcept;
  /// The session options given by the common flags. With LANEWISE_VERBOSE=1 its choices go to
  /// stderr.
  SessionOptions session_options(std::vector<std::string> outputs = {}) const;
};

/// `lanewise: error: MESSAGE` on stderr, always one line.
void print_error(std::string_view message);

/// `lanewise: warning: MESSAGE` on stderr, even with --quiet, for results that may surprise.
void print_warning(std::string_view message);

/// A line on stderr; control characters become `?`.
void print_on_stderr(std::string_view line);

/// Whether `path` is writable, as far as can be checked without changing anything. Called before
/// long work; writing reports any later failure.
Status check_writable(const std::string& path);

}  // namespace lanewise::cli
