#include "runtime/generate/constrained_rows.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace lanewise::generate {
namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();
constexpr size_t kBits = 64;

}  // namespace

ConstrainedRows::ConstrainedRows(GrammarState start, std::span<const int32_t> ends,
                                 int64_t vocabulary)
    : ends_(ends.begin(), ends.end()),
      words_((static_cast<size_t>(vocabulary) + kBits - 1) / kBits),
      rows_{std::move(start)},
      allowed_(words_) {
  find_allowed(0);
}

void ConstrainedRows::apply(int row, Scores scores) const noexcept {
  const uint64_t* words = allowed_.data() + static_cast<size_t>(row) * words_;
  for (size_t begin = 0; begin < scores.size(); begin += kBits) {
    const uint64_t word = words[begin / kBits];
    if (word == ~uint64_t{0}) continue;
    const size_t count = std::min(kBits, scores.size() - begin);
    for (size_t i = 0; i < count; ++i) {
      if ((word >> i & 1) == 0) scores[begin + i] = kForbidden;
    }
  }
}

void ConstrainedRows::add(int parent, int32_t token) {
  next_.push_back(rows_[static_cast<size_t>(parent)]);
  const Status accepted = next_.back().accept(token);
  // A token that the search was forced to take, such as a language token, is no part of the text.
  if (!accepted.ok() && accepted.code() != StatusCode::kInvalidArgument) status_ = accepted;
}

void ConstrainedRows::end_step() {
  rows_.swap(next_);
  allowed_.resize(rows_.size() * words_);
  for (size_t row = 0; row < rows_.size(); ++row) find_allowed(row);
}

void ConstrainedRows::find_allowed(size_t row) {
  const std::span<uint64_t> words(allowed_.data() + row * words_, words_);
  std::ranges::fill(words, 0);
  const auto found = rows_[row].allowed();
  if (!found.ok()) {
    status_ = found.status();
    return;
  }
  std::copy_n(found->begin(), std::min(found->size(), words_), words.begin());
  for (const int32_t end : ends_) {
    uint64_t& word = words[static_cast<size_t>(end) / kBits];
    const uint64_t bit = uint64_t{1} << (static_cast<size_t>(end) % kBits);
    word = rows_[row].may_end() ? word | bit : word & ~bit;
  }
}

}  // namespace lanewise::generate
