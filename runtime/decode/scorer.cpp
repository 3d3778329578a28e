#include "lanewise/scorer.hpp"

#include <algorithm>
#include <atomic>
#include <string>
#include <utility>

#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "ops/sample/sample.hpp"
#include "runtime/decode/decoder.hpp"
#include "runtime/exec/call_guard.hpp"
#include "runtime/exec/team.hpp"

namespace lanewise {
namespace {

// Tokens of a step: enough for the products to be bound by arithmetic, few enough that their logits
// stay small for large vocabularies.
constexpr size_t kStepTokens = 64;

/// log_probabilities[i] of token next[i], of the logits of row i of the last step.
class ScoreRows final : public exec::TeamBody {
 public:
  ScoreRows(const decode::Decoder& decoder, std::span<const int32_t> next, float* log_probabilities)
      : decoder_(decoder), sampling_(decoder.isa()), next_(next), out_(log_probabilities) {}

  void run(int, int) noexcept override {
    const auto vocabulary = static_cast<size_t>(decoder_.vocabulary());
    for (;;) {
      const size_t i = row_.fetch_add(1, std::memory_order_relaxed);
      if (i >= next_.size()) return;
      const float* logits = decoder_.logits(i);
      out_[i] = logits[next_[i]] - sampling_.log_sum_exp({logits, vocabulary});
    }
  }

 private:
  const decode::Decoder& decoder_;
  const ops::Sampling sampling_;
  std::span<const int32_t> next_;
  float* out_;
  std::atomic<size_t> row_{0};
};

}  // namespace

class Scorer::Impl {
 public:
  explicit Impl(std::unique_ptr<decode::Decoder> decoder) : decoder_(std::move(decoder)) {}

  exec::CallGuard& guard() { return guard_; }

  Result<std::vector<float>> log_probabilities(std::span<const int32_t> ids,
                                               const RunOptions& run) {
    LW_RETURN_IF_ERROR(check(ids));
    std::vector<float> result(ids.size() - 1);
    const auto context = static_cast<size_t>(decoder_->max_tokens());
    const size_t shift = std::max<size_t>(context / 2, 1);
    size_t known = 1;  // tokens that need no prediction any more
    for (size_t begin = 0; known < ids.size(); begin += shift) {
      const size_t end = std::min(ids.size(), begin + context);
      LW_RETURN_IF_ERROR(score_window(ids, begin, end, known, result, run));
      known = end;
    }
    return result;
  }

 private:
  Status check(std::span<const int32_t> ids) const {
    if (ids.size() < 2) {
      return invalid_argument("expected at least 2 tokens, found " + std::to_string(ids.size()));
    }
    if (decoder_->max_tokens() < 2) return unsupported("the model takes one token only");
    for (size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] >= 0 && ids[i] < decoder_->vocabulary()) continue;
      return invalid_argument("token " + std::to_string(ids[i]) + " at " + std::to_string(i) +
                              " is outside of the vocabulary of " +
                              std::to_string(decoder_->vocabulary()));
    }
    return {};
  }

  /// The tokens [begin, end), of which those from `known` on are predicted.
  Status score_window(std::span<const int32_t> ids, size_t begin, size_t end, size_t known,
                      std::vector<float>& result, const RunOptions& run) {
    decoder_->cache().release(sequence_);
    sequence_.is_long = decoder_->is_long(static_cast<int64_t>(end - begin));
    for (size_t at = begin; at + 1 < end; at += kStepTokens) {
      const size_t step_end = std::min(end - 1, at + kStepTokens);
      LW_RETURN_IF_ERROR(step(ids.subspan(at, step_end - at), run));
      // Rows before `known` were predicted by the window before.
      const size_t first = std::max(at + 1, known) - (at + 1);
      if (first >= step_end - at) continue;
      score_rows(ids.subspan(at + 1, step_end - at), first, result.data() + at);
    }
    return {};
  }

  Status step(std::span<const int32_t> tokens, const RunOptions& run) {
    LW_RETURN_IF_ERROR(decoder_->cache().append(sequence_, static_cast<int64_t>(tokens.size())));
    const decode::Decoder::Row row{.source = 0, .tokens = tokens, .sequence = &sequence_};
    return decoder_->step({&row, 1}, graph::LogitRows::kAll, run);
  }

  void score_rows(std::span<const int32_t> next, size_t first, float* log_probabilities) {
    std::vector<float> scores(next.size());
    ScoreRows body(*decoder_, next, scores.data());
    decoder_->team().run(body);
    std::copy(scores.begin() + static_cast<std::ptrdiff_t>(first), scores.end(),
              log_probabilities + first);
  }

  std::unique_ptr<decode::Decoder> decoder_;
  exec::CallGuard guard_{"scorer"};
  decode::Cache::Sequence sequence_;
};

Result<Scorer> Scorer::create(const Model& model, const SessionOptions& options) {
  return base::no_throw([&]() -> Result<Scorer> {
    if (model.info().target_vocabulary_size > 0) {
      return unsupported("only a model that is a decoder alone gives probabilities to a text");
    }
    LW_ASSIGN_OR_RETURN(auto decoder, decode::Decoder::create(model, options));
    return Scorer(std::make_unique<Impl>(std::move(decoder)));
  });
}

Scorer::Scorer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Scorer::Scorer(Scorer&&) noexcept = default;
Scorer& Scorer::operator=(Scorer&&) noexcept = default;
Scorer::~Scorer() = default;

Result<std::vector<float>> Scorer::log_probabilities(std::span<const int32_t> ids,
                                                     const RunOptions& run) {
  return base::no_throw(
      [&] { return impl_->guard().run([&] { return impl_->log_probabilities(ids, run); }); });
}

}  // namespace lanewise
