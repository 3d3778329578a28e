#include "runtime/generate/sampler.hpp"

#include <algorithm>

namespace lanewise::generate {
namespace {

// The most tokens for which the threshold scan is efficient. Fewer usually hold nearly all of the
// probability.
constexpr size_t kFew = 256;

}  // namespace

Sampler::Sampler(const GenerationOptions& options, ops::Isa isa, int64_t vocabulary)
    : sampling_(isa),
      temperature_(options.temperature),
      top_p_(options.top_p),
      min_p_(options.min_p) {
  const auto all = static_cast<size_t>(vocabulary);
  top_k_ = static_cast<size_t>(options.top_k) < all ? static_cast<size_t>(options.top_k) : 0;
  const bool few = top_k_ > 0 && top_k_ <= kFew;
  weights_.resize(few ? top_k_ : all);
  if (top_k_ > 0 || top_p_ < 1.0) candidates_.resize(few ? top_k_ : all);
}

void Sampler::prepare(Scores scores) noexcept {
  if (top_k_ > 0 && top_k_ <= kFew) {
    keep_top_k(scores);
  } else if (!candidates_.empty()) {
    filter_all(scores);
  } else {
    sum_ = sampling_.weights(scores, temperature_, weights_.data());
    if (min_p_ > 0.0) drop_below_min_p();
  }
}

int32_t Sampler::draw(double u) const noexcept {
  const size_t count = candidates_.empty() ? weights_.size() : kept_;
  const size_t drawn = sampling_.draw({weights_.data(), count}, u * sum_);
  if (drawn == count) return kNoToken;
  return candidates_.empty() ? static_cast<int32_t>(drawn) : candidates_[drawn].index;
}

void Sampler::keep_top_k(Scores scores) noexcept {
  kept_ = sampling_.top_k(scores, candidates_);
  for (size_t i = 0; i < kept_; ++i) weights_[i] = candidates_[i].value;
  cut_top_p(sampling_.weights({weights_.data(), kept_}, temperature_, weights_.data()));
}

void Sampler::filter_all(Scores scores) noexcept {
  // From here on weights replace scores: they are in the same order.
  double probable = sampling_.weights(scores, temperature_, weights_.data());
  if (top_k_ > 0) {
    sort_all();
    kept_ = std::min(kept_, top_k_);
    probable = sum_of_kept();
  } else {
    const size_t few = std::min(kFew, weights_.size());
    kept_ = sampling_.top_k(weights_, std::span(candidates_).first(few));
    if (sum_of_kept() < top_p_ * probable) sort_all();
  }
  for (size_t i = 0; i < kept_; ++i) weights_[i] = candidates_[i].value;
  cut_top_p(probable);
}

/// Makes candidates of all tokens that can be drawn, most likely first.
void Sampler::sort_all() noexcept {
  kept_ = 0;
  for (size_t i = 0; i < weights_.size(); ++i) {
    if (weights_[i] > 0.0f) candidates_[kept_++] = {weights_[i], static_cast<int32_t>(i)};
  }
  std::sort(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(kept_),
            [](const ops::Candidate& a, const ops::Candidate& b) {
              return a.value > b.value || (a.value == b.value && a.index < b.index);
            });
}

double Sampler::sum_of_kept() const noexcept {
  double sum = 0.0;
  for (size_t i = 0; i < kept_; ++i) sum += static_cast<double>(candidates_[i].value);
  return sum;
}

/// Keeps the first candidates that together have top_p of `probable`, at least one.
void Sampler::cut_top_p(double probable) noexcept {
  double sum = 0.0;
  for (size_t i = 0; i < kept_; ++i) {
    if (i > 0 && top_p_ < 1.0 && sum >= top_p_ * probable) kept_ = i;
    if (i < kept_) sum += static_cast<double>(weights_[i]);
  }
  cut_min_p();
}

/// Of the candidates, keeps those that have at least min_p of the weight of the first one.
void Sampler::cut_min_p() noexcept {
  sum_ = 0.0;
  for (size_t i = 0; i < kept_; ++i) {
    const bool likely =
        static_cast<double>(weights_[i]) >= min_p_ * static_cast<double>(weights_[0]);
    if (!likely) kept_ = i;
    if (likely) sum_ += static_cast<double>(weights_[i]);
  }
}

/// The same for all tokens. The weight of the most likely one is 1.
void Sampler::drop_below_min_p() noexcept {
  sum_ = 0.0;
  for (float& weight : weights_) {
    if (static_cast<double>(weight) < min_p_) weight = 0.0f;
    sum_ += static_cast<double>(weight);
  }
}

}  // namespace lanewise::generate
