#include "runtime/generate/token_rows.hpp"

#include <algorithm>

#include "runtime/generate/search.hpp"

namespace lanewise::generate {

size_t reserved_tokens(int64_t max_new_tokens) noexcept {
  return static_cast<size_t>(std::min(max_new_tokens, Search::kReservedTokens));
}

TokenRows::TokenRows(Tokens prompt, int rows, int64_t max_new_tokens)
    : prompt_(prompt.size()),
      rows_(static_cast<size_t>(rows)),
      next_rows_(static_cast<size_t>(rows)),
      parents_(static_cast<size_t>(rows)),
      next_parents_(static_cast<size_t>(rows)) {
  for (auto* buffer : {&rows_, &next_rows_}) {
    for (std::vector<int32_t>& row : *buffer) {
      row.reserve(prompt.size() + reserved_tokens(max_new_tokens));
    }
  }
  rows_[0].assign(prompt.begin(), prompt.end());
}

void TokenRows::add(int parent, int32_t token) {
  const auto place = static_cast<size_t>(next_count_++);
  const std::vector<int32_t>& continued = rows_[static_cast<size_t>(parent)];
  next_rows_[place].assign(continued.begin(), continued.end());
  next_rows_[place].push_back(token);
  next_parents_[place] = parent;
}

void TokenRows::end_step() noexcept {
  rows_.swap(next_rows_);
  parents_.swap(next_parents_);
  count_ = next_count_;
}

}  // namespace lanewise::generate
