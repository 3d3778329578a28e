#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "cli/progress.hpp"
#include "cli/shell.hpp"
#include "cli/texts.hpp"
#include "lanewise/model.hpp"
#include "lanewise/session.hpp"
#include "lanewise/status.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {

/// What commands share that turn each text into a result: reading in portions, progress, and what is
/// said about texts that were too long.
class TextLoop {
 public:
  using Texts = std::span<const std::string_view>;

  TextLoop(TextSource source, Shell& shell);

  /// Calls `handle` for each portion of the texts.
  Status run(const std::function<Status(Texts)>& handle);

  /// Prints a line for each text. `call` gives the results of a portion, in a vector, and `append`
  /// adds what is printed of a text and its result to an empty line.
  template <typename Call, typename Append>
  Status print(const Call& call, const Append& append) {
    std::string line;
    return run([&](Texts texts) -> Status {
      LANEWISE_ASSIGN_OR_RETURN(const auto results, call(texts));
      for (size_t i = 0; i < texts.size(); ++i) {
        count(results[i].truncated);
        line.clear();
        append(line, texts[i], results[i]);
        LANEWISE_RETURN_IF_ERROR(shell_.out.line(line));
      }
      return {};
    });
  }

  /// For the calls that `handle` makes.
  const RunOptions& run_options() const noexcept { return run_; }
  std::function<void(int64_t done)> progress();

  void count(bool truncated) { cut_ += truncated ? 1 : 0; }
  /// Says once on stderr how many texts were truncated, if any.
  void report_truncation(const ModelInfo& info) const;

 private:
  TextSource source_;
  Shell& shell_;
  Progress progress_;
  RunOptions run_;
  int64_t cut_ = 0;
};

/// The same for commands with a loop of their own: `cut` texts were longer than `most` tokens.
void report_truncation(const Shell& shell, int64_t cut, int64_t most);

/// --top of the commands that print the best of several results.
void add_top(CLI::App& command, int64_t& top, const std::string& what);

}  // namespace lanewise::cli
