#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cli/output_options.hpp"
#include "cli/partial_file.hpp"
#include "cli/shell.hpp"
#include "lanewise/files.hpp"
#include "lanewise/status.hpp"

namespace lanewise::cli {

/// What --output names: a file that appears under its name when it is complete; with --resume one
/// that another run completes if this one cannot.
class OutputFile {
 public:
  /// The first bytes of a file of so many bytes behind them, always of the same length.
  using Header = std::function<std::string(int64_t bytes)>;

  /// `model` and `input` are those of the command line; only --resume reads them.
  static Result<OutputFile> create(const OutputOptions& options, const std::string& model,
                                   const std::string& input, Shell& shell, Header header = nullptr);

  /// What earlier runs have done.
  Checkpoint done() const { return partial_ ? partial_->done() : Checkpoint(); }
  /// Whether an ended run can be resumed.
  bool resumes() const { return partial_.has_value(); }

  Status write(std::string_view bytes);
  /// Everything up to `checkpoint` is written.
  Status reach(const Checkpoint& checkpoint);
  /// Makes the file appear under its name. Call it once.
  Status commit();
  /// Says on stderr how to go on, if another run can.
  void report_unfinished(const Shell& shell);

 private:
  OutputFile() = default;

  std::optional<AtomicFile> whole_;
  std::optional<PartialFile> partial_;
  Header header_;
  int64_t bytes_ = 0;
};

}  // namespace lanewise::cli
