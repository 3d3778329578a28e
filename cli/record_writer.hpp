#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "cli/shell.hpp"
#include "lanewise/files.hpp"
#include "lanewise/status.hpp"

namespace lanewise::cli {

/// Prints a record for each text, writes it to a file of JSON lines, or both.
class RecordWriter {
 public:
  /// Without `json` and `file`, which may be empty, prints human-readable lines.
  static Result<RecordWriter> create(bool json, const std::string& file, Output& out);

  using Format = std::function<std::string()>;
  /// `json` and `plain` format the record, without the last line end.
  Status write(const Format& json, const Format& plain);
  /// Makes the file appear under its name. Call it once.
  Status commit();

 private:
  RecordWriter(bool json, std::optional<AtomicFile> file, Output& out)
      : json_(json), file_(std::move(file)), out_(&out) {}

  bool json_;
  std::optional<AtomicFile> file_;
  Output* out_;
};

}  // namespace lanewise::cli
