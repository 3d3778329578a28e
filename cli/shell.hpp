#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lanewise/session.hpp"
#include "lanewise/status.hpp"

namespace lanewise::cli {

/// What the flags of every command set.
struct CommonOptions {
  int threads = 0;
  std::string isa;
  bool fast = false;
  bool quiet = false;
};

/// Standard output: results and nothing else, buffered.
///
/// Fails with kIo when it cannot be written. When its reader has gone (`| head -1`) that is no
/// failure of ours: reader_gone() then tells main() to end quietly.
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

/// What a command sees of the world around it.
struct Shell {
  CommonOptions common;
  Output out;
  bool left_out = false;  ///< --on-error skipped a part of the input: exit status 3

  /// One line on stderr, unless --quiet.
  void note(std::string_view text) const;
  /// Whether progress on stderr reaches a person who wants it.
  bool shows_progress() const noexcept;
  /// The session that the common flags ask for. With LANEWISE_VERBOSE=1 its choices go to stderr.
  SessionOptions session_options(std::vector<std::string> outputs = {}) const;
};

/// `lanewise: error: MESSAGE` on stderr: one line, whatever is in the message.
void print_error(std::string_view message);

/// `lanewise: warning: MESSAGE` on stderr, in spite of --quiet: what would surprise its user.
void print_warning(std::string_view message);

/// A line on stderr; control characters become `?`.
void print_on_stderr(std::string_view line);

/// Whether `path` could be written, as far as can be told without changing anything. Asked before
/// long work; whoever writes then reports what still goes wrong.
Status check_writable(const std::string& path);

}  // namespace lanewise::cli
