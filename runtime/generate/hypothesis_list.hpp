#pragma once

#include <span>
#include <vector>

#include "lanewise/generation.hpp"
#include "runtime/generate/processors.hpp"

namespace lanewise::generate {

/// The best finished hypotheses, sorted by score.
class HypothesisList {
 public:
  /// Keeps the best `capacity` >= 1, and allocates memory for them.
  HypothesisList(int capacity, int64_t max_new_tokens);

  /// Inserts the hypothesis if it is among the best, after those with the same score. Its tokens
  /// are `ids` followed by `last`, unless that is kNoToken.
  void insert(Tokens ids, int32_t last, float score, FinishReason reason,
              std::vector<TokenLogprob> logprobs = {});

  bool full() const noexcept { return count_ == capacity_; }
  /// Requires a list that is not empty.
  float worst_score() const noexcept { return list_[count_ - 1].score; }
  std::span<const Hypothesis> best_first() const noexcept { return {list_.data(), count_}; }

 private:
  size_t capacity_;
  size_t count_ = 0;
  std::vector<Hypothesis> list_;  // [capacity + 1]: the last entry receives the next hypothesis
};

/// Returns the divisor of a sum of log-probabilities, length^penalty; 1 if length is 0.
double length_divisor(size_t length, double penalty) noexcept;

}  // namespace lanewise::generate
