#pragma once

#include <span>
#include <vector>

#include "lanewise/generation.hpp"
#include "runtime/generate/processors.hpp"

namespace lanewise::generate {

/// The best hypotheses that have ended, in the order of their scores.
class HypothesisList {
 public:
  /// Keeps the best `capacity` >= 1, and allocates for them.
  HypothesisList(int capacity, int64_t max_new_tokens);

  /// Takes the hypothesis in if it is among the best; behind those with the same score.
  /// `last`, unless it is kNoToken, follows `ids`.
  void insert(Tokens ids, int32_t last, float score, FinishReason reason);

  bool full() const noexcept { return count_ == capacity_; }
  /// Of a list that is not empty.
  float worst_score() const noexcept { return list_[count_ - 1].score; }
  std::span<const Hypothesis> best_first() const noexcept { return {list_.data(), count_}; }

 private:
  size_t capacity_;
  size_t count_ = 0;
  std::vector<Hypothesis> list_;  // [capacity + 1]: the last takes in who comes next
};

/// What a sum of log-probabilities is divided by: length^penalty. 1 for no token.
double length_divisor(size_t length, double penalty) noexcept;

}  // namespace lanewise::generate
