#include "runtime/generate/hypothesis_list.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "runtime/generate/token_rows.hpp"

namespace lanewise::generate {

HypothesisList::HypothesisList(int capacity, int64_t max_new_tokens)
    : capacity_(static_cast<size_t>(capacity)), list_(capacity_ + 1) {
  const size_t reserved = reserved_tokens(max_new_tokens);
  for (Hypothesis& hypothesis : list_) hypothesis.ids.reserve(reserved);
}

void HypothesisList::insert(Tokens ids, int32_t last, float score, FinishReason reason,
                            std::vector<TokenLogprob> logprobs) {
  size_t place = 0;
  while (place < count_ && list_[place].score >= score) ++place;
  if (place == capacity_) return;
  Hypothesis& added = list_[count_];
  added.ids.assign(ids.begin(), ids.end());
  if (last != kNoToken) added.ids.push_back(last);
  added.score = score;
  added.finish_reason = reason;
  added.logprobs = std::move(logprobs);
  const auto begin = list_.begin();
  std::rotate(begin + static_cast<std::ptrdiff_t>(place),
              begin + static_cast<std::ptrdiff_t>(count_),
              begin + static_cast<std::ptrdiff_t>(count_) + 1);
  count_ = std::min(count_ + 1, capacity_);
}

double length_divisor(size_t length, double penalty) noexcept {
  return length == 0 ? 1.0 : std::pow(static_cast<double>(length), penalty);
}

}  // namespace lanewise::generate
