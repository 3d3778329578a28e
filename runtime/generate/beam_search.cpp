#include "runtime/generate/beam_search.hpp"

#include <algorithm>
#include <cmath>

namespace lanewise::generate {
BeamSearch::BeamSearch(const GenerationOptions& options, ops::Isa isa, int64_t vocabulary,
                       Tokens prompt, int64_t max_new_tokens, StopRule* rule)
    : options_(options),
      sampling_(isa),
      vocabulary_(static_cast<size_t>(vocabulary)),
      beams_(static_cast<size_t>(options.beams)),
      // A beam can end with each of the end tokens, and one more continuation does not end.
      ranked_count_(beams_ * std::max<size_t>(2, 1 + options.eos_token_ids.size())),
      max_new_tokens_(static_cast<size_t>(max_new_tokens)),
      processors_(options_, prompt.size(), max_new_tokens),
      rows_(prompt, options.beams, max_new_tokens),
      scores_(beams_),
      candidates_(beams_ * ranked_count_),
      candidate_counts_(beams_),
      log_(options_, isa, options.beams, vocabulary_),
      rule_(rule),
      done_(options.beams, max_new_tokens) {
  ranking_.reserve(candidates_.size());
  if (processors_.penalize()) {
    before_.resize(beams_);
    const size_t longest = prompt.size() + reserved_tokens(max_new_tokens);
    for (auto& row : before_) row.reserve(processors_.memory(longest));
    before_[0].resize(processors_.memory(prompt.size()));
  }
  if (max_new_tokens == 0) stop(FinishReason::kLength);
}

void BeamSearch::score(int row, float* logits) noexcept {
  const auto place = static_cast<size_t>(row);
  const Scores scores(logits, vocabulary_);
  candidate_counts_[place] = 0;
  float log_sum = sampling_.log_sum_exp(scores);
  if (!std::isfinite(log_sum)) return;
  log_.look(row, scores, log_sum);
  float* before = nullptr;
  if (processors_.penalize()) {
    // Penalties need log-probabilities; otherwise subtracting from the candidates is enough.
    for (float& score : scores) score -= log_sum;
    log_sum = 0.0f;
    before = before_[place].data();
  }
  const bool forced = processors_.apply(rows_.tokens(row), scores, log_sum, before);
  if (constraint_ && !forced) constraint_->apply(row, scores);
  if (options_.renormalize_logits) {
    // Earlier normalisation of the scores cancels out.
    log_sum = sampling_.log_sum_exp(scores);
    if (!std::isfinite(log_sum)) return;
  }
  ops::Candidate* best = candidates_.data() + place * ranked_count_;
  const size_t count = sampling_.top_k(scores, {best, ranked_count_});
  for (size_t i = 0; i < count; ++i) best[i].value = (best[i].value - log_sum) + scores_[place];
  candidate_counts_[place] = count;
}

/// Fills ranking_ and returns how many entries are sorted and count.
size_t BeamSearch::rank() {
  ranking_.clear();
  for (int row = 0; row < rows_.rows(); ++row) {
    const auto place = static_cast<size_t>(row);
    const ops::Candidate* best = candidates_.data() + place * ranked_count_;
    for (size_t i = 0; i < candidate_counts_[place]; ++i) {
      ranking_.push_back({.score = best[i].value, .row = row, .token = best[i].index});
    }
  }
  const size_t count = std::min(ranked_count_, ranking_.size());
  std::partial_sort(ranking_.begin(), ranking_.begin() + static_cast<std::ptrdiff_t>(count),
                    ranking_.end(), [](const Continuation& a, const Continuation& b) {
                      if (a.score != b.score) return a.score > b.score;
                      return a.row != b.row ? a.row < b.row : a.token < b.token;
                    });
  return count;
}

void BeamSearch::find_ends(std::span<Continuation> ranked) {
  for (Continuation& next : ranked) {
    next.is_end = is_end(next.token);
    if (rule_ != nullptr && !next.is_end) next.stops = rule_->ends(rows_.ids(next.row), next.token);
  }
}

void BeamSearch::advance() {
  const std::span<Continuation> ranked(ranking_.data(), rank());
  if (ranked.empty()) {
    stop(FinishReason::kStop);
    return;
  }
  find_ends(ranked);
  const size_t length = rows_.ids(0).size() + 1;
  finish_best(ranked, length);
  const bool last = length == max_new_tokens_;
  rows_.start_step();
  if (constraint_) constraint_->start_step();
  if (!last) keep_alive(ranked);
  rows_.end_step();
  log_.end_step();
  if (constraint_) constraint_->end_step();
  const bool enough = options_.early_stopping == EarlyStopping::kYes && done_.full();
  over_ = last || rows_.rows() == 0 || enough || !may_improve(length);
  if (over_ || !processors_.penalize()) return;
  for (auto& row : before_) row.resize(processors_.memory(rows_.tokens(0).size()));
}

/// Adds those among the first `beams` that end; `length` includes the token being chosen.
void BeamSearch::finish_best(std::span<const Continuation> ranked, size_t length) {
  for (const Continuation& next : ranked.first(std::min(beams_, ranked.size()))) {
    const float score = next.score / divisor(length);
    if (!next.is_end && !next.stops && length != max_new_tokens_) continue;
    const int32_t last = next.is_end ? kNoToken : next.token;
    const FinishReason reason = next.is_end  ? FinishReason::kEos
                                : next.stops ? FinishReason::kStop
                                             : FinishReason::kLength;
    done_.insert(rows_.ids(next.row), last, score, reason, log_.tokens(next.row, last));
  }
}

void BeamSearch::keep_alive(std::span<const Continuation> ranked) {
  size_t kept = 0;
  for (const Continuation& next : ranked) {
    if (kept == beams_) return;
    if (next.is_end || next.stops) continue;
    rows_.add(next.row, next.token);
    log_.add(next.row, next.token);
    if (constraint_) constraint_->add(next.row, next.token);
    scores_[kept++] = next.score;
  }
}

/// Whether the best beam, at the length that the option assumes, would be added.
bool BeamSearch::may_improve(size_t length) const noexcept {
  if (!done_.full()) return true;
  const bool longest =
      options_.early_stopping == EarlyStopping::kNever && options_.length_penalty > 0.0;
  return scores_[0] / divisor(longest ? max_new_tokens_ : length) > done_.worst_score();
}

float BeamSearch::divisor(size_t length) const noexcept {
  return static_cast<float>(length_divisor(length, options_.length_penalty));
}

bool BeamSearch::is_end(int32_t token) const noexcept {
  const auto& ends = options_.eos_token_ids;
  return std::find(ends.begin(), ends.end(), token) != ends.end();
}

void BeamSearch::stop(FinishReason reason) {
  if (over_) return;
  for (int row = 0; row < rows_.rows(); ++row) {
    const Tokens ids = rows_.ids(row);
    done_.insert(ids, kNoToken, scores_[static_cast<size_t>(row)] / divisor(ids.size()), reason,
                 log_.tokens(row, kNoToken));
  }
  over_ = true;
}

std::span<const Hypothesis> BeamSearch::results() const noexcept {
  const std::span<const Hypothesis> all = done_.best_first();
  return all.first(std::min(all.size(), static_cast<size_t>(options_.num_return_sequences)));
}

}  // namespace lanewise::generate
