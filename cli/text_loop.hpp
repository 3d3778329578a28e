#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "cli/output_file.hpp"
#include "cli/progress.hpp"
#include "cli/record_writer.hpp"
#include "cli/shell.hpp"
#include "cli/texts.hpp"
#include "lanewise/model.hpp"
#include "lanewise/session.hpp"
#include "lanewise/status.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {

/// What commands share that turn each text into a result: reading in portions, progress, the file of
/// results, and what is said about texts that were too long.
class TextLoop {
 public:
  using Texts = std::span<const std::string_view>;

  /// Begins where `file` does; null: there is none. It is complete when a run is over.
  TextLoop(TextSource source, OutputFile* file, Shell& shell);

  /// Calls `handle` for each portion of the texts, which are UTF-8.
  Status run(const std::function<Status(Texts)>& handle);
  /// The same unchecked, for commands that can leave out a text.
  Status run_unchecked(const std::function<Status(Texts)>& handle);

  /// Writes a record for each text. `call` gives the results of a portion, in a vector, and `append`
  /// adds what is written of a text and its result to an empty line.
  template <typename Call, typename Append>
  Status write(RecordWriter& records, const Call& call, const Append& append) {
    std::string line;
    return run([&](Texts texts) -> Status {
      LANEWISE_ASSIGN_OR_RETURN(const auto results, call(texts));
      for (size_t i = 0; i < texts.size(); ++i) {
        count_truncated(results[i].truncated ? 1 : 0);
        line.clear();
        append(line, texts[i], results[i]);
        LANEWISE_RETURN_IF_ERROR(records.write(line));
      }
      return {};
    });
  }

  /// For the calls that `handle` makes.
  const RunOptions& run_options() const noexcept { return run_; }
  /// Shows the texts that are done of the portion, or of its part that begins at `begin`.
  std::function<void(int64_t done)> progress(int64_t begin = 0);
  const TextSource& source() const noexcept { return source_; }
  /// How many texts were done before those of the last portion, without those that were left out.
  int64_t accepted_before() const noexcept { return source_.texts_before() - counts_.left_out; }

  void count_truncated(int64_t texts) { counts_.truncated += texts; }
  /// One more text is left out, `why`.
  void leave_out(const Status& why);
  /// Says once on stderr how many texts were truncated, if any.
  void report_truncation(const ModelInfo& info) const;

 private:
  TextSource source_;
  OutputFile* file_;
  Shell& shell_;
  Progress progress_;
  RunOptions run_;
  Checkpoint counts_;  // of the texts that are truncated and left out
};

/// The same for commands with a loop of their own: `cut` texts were longer than `most` tokens.
void report_truncation(const Shell& shell, int64_t cut, int64_t most);

/// --top of the commands that print the best of several results.
void add_top(CLI::App& command, int64_t& top, const std::string& what);

}  // namespace lanewise::cli
