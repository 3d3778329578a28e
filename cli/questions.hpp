#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/lines.hpp"
#include "cli/portion_size.hpp"
#include "cli/resume_record.hpp"
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
  int64_t before() const noexcept { return reader_.lines_before(); }
  /// The fraction of the input up to the end of the last portion; 0 if its size is unknown.
  double part_done() const noexcept { return reader_.part_done(); }

  /// As those of TextSource.
  Status skip(const Checkpoint& done) { return reader_.skip(done.texts, done.input_bytes); }
  void keep_portions_short() noexcept { portion_size_.keep_short(); }
  Checkpoint position() const noexcept {
    return {.texts = before() + static_cast<int64_t>(questions_.size()),
            .input_bytes = reader_.bytes_given()};
  }

 private:
  struct Texts {
    std::string question;
    std::string context;
  };

  QuestionFile(LineReader reader, std::string name);

  static Result<Texts> parse(std::string_view line);

  LineReader reader_;
  std::string name_;
  PortionSize portion_size_;
  std::vector<Texts> texts_;
  std::vector<Question> questions_;
};

}  // namespace lanewise::cli
