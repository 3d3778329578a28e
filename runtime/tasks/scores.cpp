#include "runtime/tasks/scores.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace lanewise::tasks {
namespace {

void softmax(std::span<float> values) {
  const float most = *std::ranges::max_element(values);
  double sum = 0;
  for (const float value : values) sum += std::exp(static_cast<double>(value) - most);
  for (float& value : values) {
    value = static_cast<float>(std::exp(static_cast<double>(value) - most) / sum);
  }
}

void sigmoid(std::span<float> values) {
  for (float& value : values) {
    value = static_cast<float>(1.0 / (1.0 + std::exp(-static_cast<double>(value))));
  }
}

}  // namespace

std::vector<float> scores_of(std::span<const float> logits, ScoreFunction function) {
  std::vector<float> scores(logits.begin(), logits.end());
  if (scores.empty()) return scores;
  if (function == ScoreFunction::kSoftmax) softmax(scores);
  if (function == ScoreFunction::kSigmoid) sigmoid(scores);
  return scores;
}

std::vector<size_t> largest(std::span<const float> values, size_t count) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto before = [&](size_t a, size_t b) {
    const bool a_counts = !std::isnan(values[a]);
    const bool b_counts = !std::isnan(values[b]);
    if (a_counts != b_counts) return a_counts;
    return a_counts && values[a] != values[b] ? values[a] > values[b] : a < b;
  };
  const auto middle = order.begin() + static_cast<std::ptrdiff_t>(std::min(count, order.size()));
  std::partial_sort(order.begin(), middle, order.end(), before);
  order.erase(middle, order.end());
  return order;
}

}  // namespace lanewise::tasks
