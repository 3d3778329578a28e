#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lanewise/grammar.hpp"
#include "lanewise/status.hpp"
#include "runtime/generate/processors.hpp"

namespace lanewise::generate {

/// The states of a grammar for the rows of a search. Goes along with TokenRows: start_step(), add()
/// for each row of the next step, end_step().
class ConstrainedRows {
 public:
  /// Starts with one row.
  ///
  /// ends  the end tokens; allowed where the text may end, and only there
  ConstrainedRows(GrammarState start, std::span<const int32_t> ends, int64_t vocabulary);

  /// Forbids what may not follow in this row.
  void apply(int row, Scores scores) const noexcept;

  void start_step() noexcept { next_.clear(); }
  void add(int parent, int32_t token);
  void end_step();

  /// Why a row allows nothing although its text could go on.
  const Status& status() const noexcept { return status_; }

 private:
  void find_allowed(size_t row);

  std::vector<int32_t> ends_;
  size_t words_;
  std::vector<GrammarState> rows_;
  std::vector<GrammarState> next_;
  std::vector<uint64_t> allowed_;  // [rows][words_], a bit for each token
  Status status_;
};

}  // namespace lanewise::generate
