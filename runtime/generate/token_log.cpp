#include "runtime/generate/token_log.hpp"

#include <algorithm>
#include <utility>

namespace lanewise::generate {

TokenLog::TokenLog(const GenerationOptions& options, ops::Isa isa, int rows, size_t vocabulary)
    : top_(options.top_logprobs), sampling_(isa) {
  if (!on()) return;
  const auto count = static_cast<size_t>(rows);
  logits_.assign(count, std::vector<float>(vocabulary));
  log_sums_.resize(count);
  best_.resize(count * static_cast<size_t>(top_));
  best_counts_.resize(count);
  next_ends_.reserve(count);
  ends_.reserve(count);
  ends_.push_back(kRoot);
}

void TokenLog::look(int row, Scores logits, float log_sum) noexcept {
  if (!on()) return;
  const auto place = static_cast<size_t>(row);
  std::copy(logits.begin(), logits.end(), logits_[place].begin());
  log_sums_[place] = log_sum;
  if (top_ == 0) return;
  const auto top = static_cast<size_t>(top_);
  best_counts_[place] = sampling_.top_k(logits, {best_.data() + place * top, top});
}

TokenLogprob TokenLog::chosen(int parent, int32_t token) const {
  const auto row = static_cast<size_t>(parent);
  TokenLogprob result{
      .id = token, .logprob = logits_[row][static_cast<size_t>(token)] - log_sums_[row], .top = {}};
  result.top.reserve(best_counts_[row]);
  for (size_t i = 0; i < best_counts_[row]; ++i) {
    const ops::Candidate& likely = best_[row * static_cast<size_t>(top_) + i];
    result.top.push_back({likely.index, likely.value - log_sums_[row]});
  }
  return result;
}

void TokenLog::add(int parent, int32_t token) {
  if (!on()) return;
  nodes_.push_back({ends_[static_cast<size_t>(parent)], chosen(parent, token)});
  next_ends_.push_back(static_cast<int32_t>(nodes_.size()) - 1);
}

void TokenLog::end_step() noexcept {
  ends_.swap(next_ends_);
  next_ends_.clear();
}

std::vector<TokenLogprob> TokenLog::tokens(int row, int32_t last) const {
  std::vector<TokenLogprob> tokens;
  if (!on()) return tokens;
  if (last != kNoToken) tokens.push_back(chosen(row, last));
  for (int32_t node = ends_[static_cast<size_t>(row)]; node != kRoot;) {
    const Node& one = nodes_[static_cast<size_t>(node)];
    tokens.push_back(one.token);
    node = one.parent;
  }
  std::reverse(tokens.begin(), tokens.end());
  return tokens;
}

}  // namespace lanewise::generate
