#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "cli/descriptor.hpp"
#include "cli/digest.hpp"
#include "cli/resume_record.hpp"
#include "lanewise/status.hpp"

namespace lanewise::cli {

/// A file that several runs of the program may write one after another, each from where the one
/// before it was ended, be it by SIGKILL or a power cut.
///
/// Until commit() it is NAME.part, beside NAME.resume (ResumeRecord). A checkpoint is written once
/// the results before it are on disk. The next run compares the results with the checksums, cuts off
/// what follows the last checkpoint that they agree with, and goes on there: nothing is there twice,
/// and nothing is missing.
class PartialFile {
 public:
  /// `header`, of a fixed length, begins the file; commit() replaces it. `run` is describe_run() of
  /// this run. Fails if the partial file is of another run, or another process writes it.
  static Result<PartialFile> open(const std::string& path, const std::string& run,
                                  const std::string& header);

  /// Where this run begins.
  const Checkpoint& done() const noexcept { return done_; }
  const std::string& part() const noexcept { return part_; }

  Status write(std::string_view bytes);
  int64_t bytes() const noexcept { return bytes_; }  ///< without the header
  /// The results so far are those of `checkpoint`. Waits for the disk, if it has not done so lately.
  Status reach(Checkpoint checkpoint);
  /// Of a run that cannot go on: records what has been reached. Returns the number of texts that the
  /// next run need not do.
  int64_t leave();
  /// The file is complete, and gets its name. Call it once.
  Status commit(std::string_view header);

 private:
  PartialFile(std::string target, ResumeRecord record, int64_t header_bytes)
      : target_(std::move(target)),
        part_(target_ + ".part"),
        record_(std::move(record)),
        header_bytes_(header_bytes) {}

  Status take_up(const std::string& header);
  Result<bool> is_committed();
  Result<size_t> entries_in(const Descriptor& file, const std::string& path);
  Status cut(size_t entries, const std::string& header);
  Status record_reached();

  std::string target_;
  std::string part_;
  ResumeRecord record_;
  int64_t header_bytes_;
  Descriptor file_;  // invalid if the file had its name already
  Checkpoint done_;
  Checkpoint reached_;
  int64_t recorded_texts_ = 0;
  int64_t bytes_ = 0;
  Digest digest_;          // of the results since the last entry
  Digest reached_digest_;  // of those before what was reached

  using Clock = std::chrono::steady_clock;
  Clock::time_point next_entry_{};
};

}  // namespace lanewise::cli
