#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/lines.hpp"
#include "cli/portion_size.hpp"
#include "cli/resume_record.hpp"
#include "lanewise/status.hpp"

namespace lanewise::cli {

/// [TEXT...] and [--input FILE] of a command.
class TextOptions {
 public:
  void add_to(CLI::App& command);

  /// Throws wrong usage for texts together with --input, and for neither of them at a terminal.
  void check_usage() const;

  /// Whether there is a TEXT or --input.
  bool given() const { return text_option_->count() > 0 || !input_.empty(); }

  /// TEXT, verbatim; none for a single `-`.
  std::vector<std::string> texts() const;
  /// --input; empty if it is not given.
  const std::string& input() const { return input_; }
  /// The file to read: --input, or `-` if there are no texts; else nothing.
  std::optional<std::string> file() const;

 private:
  CLI::Option* text_option_ = nullptr;
  std::vector<std::string> unused_;
  std::string input_;
};

/// The texts of TextOptions, a portion at a time: memory does not grow with the input.
class TextSource {
 public:
  static Result<TextSource> open(const TextOptions& options);

  /// The next texts, checked to be UTF-8; none at the end. Valid until the next call.
  Result<std::span<const std::string_view>> next();
  /// The same unchecked, for commands that can leave out a text.
  Result<std::span<const std::string_view>> next_unchecked();

  /// Leaves out what earlier runs have done. Requires a file.
  Status skip(const Checkpoint& done);
  /// Portions take little time each, so that little is lost when a run is killed.
  void keep_portions_short() noexcept { portion_size_.keep_short(); }

  /// Texts that next() gave before its last portion.
  int64_t texts_before() const noexcept { return before_; }
  /// Where the input goes on behind the last portion. Requires a file.
  Checkpoint position() const noexcept {
    return {.texts = given_, .input_bytes = reader_->bytes_given()};
  }
  /// The fraction of the input before the text `index` of the last portion; 0 if its size is unknown.
  double part_before(int64_t index) const noexcept {
    return reader_ ? reader_->part_before(index) : 0.0;
  }
  /// The fraction up to the end of the last portion.
  double part_done() const noexcept { return reader_ ? reader_->part_done() : 0.0; }
  /// `'FILE': line 7` or `text 7`, for messages; `index` is within the last portion.
  std::string where(size_t index) const;

 private:
  TextSource();

  std::string name_;
  std::optional<LineReader> reader_;
  PortionSize portion_size_;
  std::vector<std::string> texts_;
  std::vector<std::string_view> views_;
  int64_t before_ = 0;
  int64_t given_ = 0;
};

}  // namespace lanewise::cli
