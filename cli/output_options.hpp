#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "lanewise/status.hpp"

namespace lanewise::cli {

/// --output FILE and --resume of a command that turns each text into a result.
class OutputOptions {
 public:
  /// `what` is the help of --output.
  void add_to(CLI::App& command, const std::string& what);

  /// Throws wrong usage for --resume that cannot be: without --output, without an --input that can
  /// be read again, or with `prints`, results on stdout, of which a second run has only a part.
  void check_usage(const std::string& input, bool prints) const;
  /// Fails if the file cannot be written, before long work.
  Status check() const;

  bool given() const { return !path_.empty(); }
  bool ends_with(std::string_view end) const { return path_.ends_with(end); }
  const std::string& path() const { return path_; }
  bool resumes() const { return resume_; }
  /// The flags of the command line. Requires add_to().
  const CLI::App& command() const { return *command_; }

 private:
  const CLI::App* command_ = nullptr;
  std::string path_;
  bool resume_ = false;
};

/// What a run is for: JSON with the command, its flags, and fingerprints of `model`, `input` and of
/// the files that flags name. Flags that change no result are left out.
Result<std::string> describe_run(const OutputOptions& options, const std::string& model,
                                 const std::string& input);

/// Fails, naming it, for the first difference between two of these.
Status compare_runs(const std::string& begun, const std::string& now);

}  // namespace lanewise::cli
