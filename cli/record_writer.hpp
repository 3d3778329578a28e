#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cli/output_file.hpp"
#include "cli/output_options.hpp"
#include "cli/shell.hpp"
#include "lanewise/status.hpp"

namespace lanewise::cli {

constexpr auto kRecordOutputHelp = "Write FILE: .jsonl, as --json prints; .txt, as without it";

/// Throws wrong usage for another name of --output than .jsonl and .txt, for a .txt with --json, and
/// as OutputOptions::check_usage() does.
void check_record_output(const OutputOptions& options, const std::string& input, bool json);

/// Writes a record for each text: to stdout, to the file of --output, or both.
class RecordWriter {
 public:
  /// `json`: the flag. `model` and `input` as OutputFile has them.
  static Result<RecordWriter> create(bool json, const OutputOptions& options,
                                     const std::string& model, const std::string& input,
                                     Shell& shell);

  /// Whether records are objects; else lines for people.
  bool json() const { return json_; }
  /// Without the last line end.
  Status write(std::string_view record);
  /// Null without --output.
  OutputFile* file() { return file_ ? &*file_ : nullptr; }

 private:
  RecordWriter(bool json, bool prints, std::optional<OutputFile> file, Output& out)
      : json_(json), prints_(prints), file_(std::move(file)), out_(&out) {}

  bool json_;
  bool prints_;
  std::optional<OutputFile> file_;
  Output* out_;
  std::string line_;
};

}  // namespace lanewise::cli
