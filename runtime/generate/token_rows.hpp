#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/generate/processors.hpp"

namespace lanewise::generate {

/// The number of new tokens for which a hypothesis reserves memory.
size_t reserved_tokens(int64_t max_new_tokens) noexcept;

/// The tokens of the hypotheses that have not ended.
///
/// A step is start_step(), add() for each row of the next step, end_step(). The current rows stay
/// valid until end_step().
class TokenRows {
 public:
  /// Starts with one row, the prompt. Allocates memory for `rows` rows.
  TokenRows(Tokens prompt, int rows, int64_t max_new_tokens);

  int rows() const noexcept { return count_; }
  /// Prompt and new tokens.
  Tokens tokens(int row) const noexcept { return rows_[static_cast<size_t>(row)]; }
  /// The new tokens.
  Tokens ids(int row) const noexcept { return tokens(row).subspan(prompt_); }
  int parent(int row) const noexcept { return parents_[static_cast<size_t>(row)]; }

  void start_step() noexcept { next_count_ = 0; }
  /// Adds a row that continues the current row `parent` with `token`.
  void add(int parent, int32_t token);
  void end_step() noexcept;

 private:
  size_t prompt_;
  int count_ = 1;
  int next_count_ = 0;
  std::vector<std::vector<int32_t>> rows_;
  std::vector<std::vector<int32_t>> next_rows_;
  std::vector<int> parents_;
  std::vector<int> next_parents_;
};

}  // namespace lanewise::generate
