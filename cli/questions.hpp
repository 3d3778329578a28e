#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/lines.hpp"
#include "lanewise/answerer.hpp"
#include "lanewise/status.hpp"

namespace lanewise::cli {

/// Questions in a file of JSON lines, a portion at a time.
class QuestionFile {
 public:
  /// `-` is stdin.
  static Result<QuestionFile> open(const std::string& path);

  /// The next questions, none at the end; valid until the next call. Fails with kInvalidArgument,
  /// naming the line, unless each is an object with the strings `question` and `context`.
  Result<std::span<const Question>> next();

  /// Questions before the last portion.
  int64_t before() const noexcept { return before_; }
  double part_read() const noexcept { return reader_.part_read(); }

 private:
  struct Texts {
    std::string question;
    std::string context;
  };

  QuestionFile(LineReader reader, std::string name)
      : reader_(std::move(reader)), name_(std::move(name)) {}

  static Result<Texts> parse(std::string_view line);

  LineReader reader_;
  std::string name_;
  std::vector<Texts> texts_;
  std::vector<Question> questions_;
  int64_t before_ = 0;
};

}  // namespace lanewise::cli
