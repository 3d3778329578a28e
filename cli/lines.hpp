#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lanewise/status.hpp"

namespace lanewise::cli {

/// Reads a file or stdin line by line, a portion at a time.
///
/// A line ends with `\n`, and a `\r` before it belongs to the ending; empty lines count, and so
/// does a last line without an ending.
class LineReader {
 public:
  /// `-` is stdin.
  static Result<LineReader> open(const std::string& path);

  /// The whole contents of a file or stdin, up to kMostLineBytes. Fails as open() and next() do.
  static Result<std::string> read_all(const std::string& path);

  /// The next lines, none at the end; valid until the next call. At most `most_lines`, and not many
  /// more than `most_bytes` bytes. Returns the lines available if more would require waiting for a
  /// pipe or terminal, so that a program that writes a line and waits for its answer gets it. Fails
  /// if reading fails, and for a line above kMostLineBytes.
  Result<std::span<const std::string_view>> next(size_t most_lines, size_t most_bytes);

  /// Goes on at byte `bytes` of a regular file, where the line after the first `lines` begins.
  Status skip(int64_t lines, int64_t bytes);

  /// Lines that next() gave before its last portion.
  int64_t lines_before() const noexcept { return lines_before_; }
  /// Where the line after the last portion begins.
  int64_t bytes_given() const noexcept {
    return bytes_read_ - static_cast<int64_t>(buffer_.size() - line_begin_);
  }
  /// The fraction of the file before the line `index` of the last portion, as far as its lines are
  /// equally long; 0 if its size is unknown.
  double part_before(int64_t index) const noexcept;
  /// The fraction up to the end of the last portion.
  double part_done() const noexcept { return part_before(static_cast<int64_t>(lines_.size())); }

  /// Far more than any model reads of a text; an endless line must not exhaust memory.
  static constexpr size_t kMostLineBytes = size_t{256} << 20;

 private:
  struct Close {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  using File = std::unique_ptr<std::FILE, Close>;

  LineReader(std::string name, File owned, int descriptor, int64_t size)
      : name_(std::move(name)), owned_(std::move(owned)), descriptor_(descriptor), size_(size) {}

  Status read_more();
  bool more_is_ready() const noexcept;
  void split(size_t most_lines);

  std::string name_;
  File owned_;  // null for stdin; closes descriptor_, which does all reading
  int descriptor_;
  int64_t size_;  // of a regular file, else 0
  int64_t bytes_read_ = 0;
  int64_t lines_before_ = 0;
  int64_t bytes_before_ = 0;  // the last portion
  bool at_end_ = false;

  std::string buffer_;
  size_t line_begin_ = 0;  // of the incomplete line
  size_t searched_ = 0;    // no line ending between line_begin_ and here
  std::vector<std::pair<size_t, size_t>> ranges_;
  std::vector<std::string_view> lines_;
};

}  // namespace lanewise::cli
