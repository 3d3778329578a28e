#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/descriptor.hpp"
#include "lanewise/status.hpp"

namespace lanewise::cli {

/// How far a run has come.
struct Checkpoint {
  int64_t texts = 0;         ///< that are done
  int64_t input_bytes = 0;   ///< where the next one begins
  int64_t output_bytes = 0;  ///< of their results
  int64_t truncated = 0;     ///< of the texts
  int64_t left_out = 0;      ///< of the texts
};

/// A file of lines beside a partial output: what the run is for, then a checkpoint with the checksum
/// of the results since the one before it. A process that is killed leaves at most a part of the
/// last line, which is ignored.
class ResumeRecord {
 public:
  struct Entry {
    Checkpoint at;
    std::string digest;   // of the results since the entry before
    int64_t end_of_line;  // in the file
  };

  /// Opens or creates `path` for a run described by `run` (describe_run()), and keeps other
  /// processes from doing so. Fails if another process has it, if it is of another run, and if it is
  /// something else.
  static Result<ResumeRecord> open(const std::string& path, const std::string& run);

  /// Whether the run begins with it.
  bool is_new() const noexcept { return is_new_; }
  /// Those that are whole, in order.
  const std::vector<Entry>& entries() const noexcept { return entries_; }
  /// Forgets all entries but the first `count`, and what follows them in the file.
  Status keep(size_t count);
  Status add(const Checkpoint& checkpoint, const std::string& digest);
  /// Removes the file: the run is over.
  void remove();

 private:
  ResumeRecord(std::string path, Descriptor file)
      : path_(std::move(path)), file_(std::move(file)) {}

  Status read(const std::string& run);
  Status begin(const std::string& run);
  Status write(std::string_view line);

  std::string path_;
  Descriptor file_;
  bool is_new_ = false;
  int64_t begin_ = 0;  // of the entries
  std::vector<Entry> entries_;
};

}  // namespace lanewise::cli
