#include "runtime/generate/token_search.hpp"

#include <algorithm>
#include <cmath>

#include "runtime/generate/random.hpp"

namespace lanewise::generate {
TokenSearch::TokenSearch(const GenerationOptions& options, ops::Isa isa, int64_t vocabulary,
                         Tokens prompt, int64_t max_new_tokens, uint64_t sequence, StopRule* rule)
    : options_(options),
      sampling_(isa),
      vocabulary_(static_cast<size_t>(vocabulary)),
      max_new_tokens_(static_cast<size_t>(max_new_tokens)),
      sequence_(sequence),
      processors_(options_, prompt.size(), max_new_tokens),
      rows_(prompt, options.num_return_sequences, max_new_tokens),
      log_(options_, isa, options.num_return_sequences, vocabulary_),
      rule_(rule),
      done_(options.num_return_sequences, max_new_tokens) {
  const auto count = static_cast<size_t>(options.num_return_sequences);
  alive_.resize(count);
  for (size_t i = 0; i < count; ++i) alive_[i].number = i;
  for (size_t i = 0; samples() && i < count; ++i) samplers_.emplace_back(options_, isa, vocabulary);
  if (processors_.penalize()) {
    before_.resize(count);
    const size_t longest = prompt.size() + reserved_tokens(max_new_tokens);
    for (auto& row : before_) row.reserve(processors_.memory(longest));
    before_[0].resize(processors_.memory(prompt.size()));
  }
  if (max_new_tokens == 0) stop(FinishReason::kLength);
}

int32_t TokenSearch::choose(int row, const Sample& sample, size_t position,
                            Scores scores) const noexcept {
  if (samples()) {
    const double u = random_number(options_.seed, sequence_, sample.number, position);
    return samplers_[static_cast<size_t>(row)].draw(u);
  }
  const size_t best = sampling_.argmax(scores);
  return best == scores.size() ? kNoToken : static_cast<int32_t>(best);
}

void TokenSearch::score(int row, float* logits) noexcept {
  const Scores scores(logits, vocabulary_);
  const Tokens tokens = rows_.tokens(row);
  float* before = processors_.penalize() ? before_[static_cast<size_t>(row)].data() : nullptr;
  const float log_sum = sampling_.log_sum_exp(scores);
  const bool possible = std::isfinite(log_sum);
  log_.look(row, scores, log_sum);
  const bool forced = possible && processors_.apply(tokens, scores, 0.0f, before);
  if (possible && !forced && constraint_) constraint_->apply(row, scores);
  if (possible && samples()) samplers_[static_cast<size_t>(row)].prepare(scores);
  for (Sample& sample : alive_) {
    if (sample.row != row) continue;
    sample.next = possible ? choose(row, sample, rows_.ids(row).size(), scores) : kNoToken;
    if (sample.next == kNoToken || forced) {
      sample.next_log_probability = 0.0;
      continue;
    }
    // The chosen token was not forbidden: only a penalty can have changed its logit.
    const float logit = processors_.score_before(sample.next, tokens, scores, before);
    sample.next_log_probability = static_cast<double>(logit) - static_cast<double>(log_sum);
  }
}

void TokenSearch::finish(const Sample& sample, int32_t last, size_t length, FinishReason reason) {
  const double divisor = length_divisor(length, options_.length_penalty);
  done_.insert(rows_.ids(sample.row), last, static_cast<float>(sample.log_probability / divisor),
               reason, log_.tokens(sample.row, last));
}

/// Appends the chosen token; returns false if the sample has ended.
bool TokenSearch::go_on(Sample& sample) {
  const size_t length = rows_.ids(sample.row).size() + 1;
  if (sample.next == kNoToken) {
    finish(sample, kNoToken, length - 1, FinishReason::kStop);
    return false;
  }
  sample.log_probability += sample.next_log_probability;
  const auto& ends = options_.eos_token_ids;
  if (std::find(ends.begin(), ends.end(), sample.next) != ends.end()) {
    finish(sample, kNoToken, length, FinishReason::kEos);
    return false;
  }
  if (rule_ != nullptr && rule_->ends(rows_.ids(sample.row), sample.next)) {
    finish(sample, sample.next, length, FinishReason::kStop);
    return false;
  }
  if (length == max_new_tokens_) {
    finish(sample, sample.next, length, FinishReason::kLength);
    return false;
  }
  return true;
}

void TokenSearch::advance() {
  rows_.start_step();
  if (constraint_) constraint_->start_step();
  size_t count = 0;
  for (Sample& sample : alive_) {
    if (!go_on(sample)) continue;
    rows_.add(sample.row, sample.next);
    log_.add(sample.row, sample.next);
    if (constraint_) constraint_->add(sample.row, sample.next);
    sample.row = static_cast<int>(count);
    alive_[count++] = sample;
  }
  alive_.resize(count);
  rows_.end_step();
  log_.end_step();
  if (constraint_) constraint_->end_step();
  over_ = count == 0;
  if (!processors_.penalize()) return;
  for (size_t row = 0; row < count; ++row) {
    before_[row].resize(processors_.memory(rows_.tokens(static_cast<int>(row)).size()));
  }
}

void TokenSearch::stop(FinishReason reason) {
  if (over_) return;
  for (const Sample& sample : alive_) {
    finish(sample, kNoToken, rows_.ids(sample.row).size(), reason);
  }
  alive_.clear();
  over_ = true;
}

}  // namespace lanewise::generate
