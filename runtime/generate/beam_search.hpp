#pragma once

#include <optional>
#include <vector>

#include "ops/sample/sample.hpp"
#include "runtime/generate/constrained_rows.hpp"
#include "runtime/generate/hypothesis_list.hpp"
#include "runtime/generate/processors.hpp"
#include "runtime/generate/search.hpp"
#include "runtime/generate/token_log.hpp"
#include "runtime/generate/token_rows.hpp"

namespace lanewise::generate {

/// Beam search by Transformers' rules: the same hypotheses in the same order with the same scores,
/// up to rounding.
///
/// A step ranks the continuations of all beams by the sum of their log-probabilities. Among the
/// first `beams`, those that end become finished hypotheses. The first `beams` that do not end
/// become the next beams. Enough continuations are ranked that there are always that many, unless a
/// StopRule ends more of them, as in Transformers.
/// Source: Transformers 5.23, generation/utils.py, GenerationMixin._beam_search.
class BeamSearch final : public Search {
 public:
  BeamSearch(const GenerationOptions& options, ops::Isa isa, int64_t vocabulary, Tokens prompt,
             int64_t max_new_tokens, StopRule* rule = nullptr);

  int rows() const noexcept override { return over_ ? 0 : rows_.rows(); }
  int32_t token(int row) const noexcept override { return rows_.tokens(row).back(); }
  int parent(int row) const noexcept override { return rows_.parent(row); }
  std::span<const int32_t> ids(int row) const noexcept override { return rows_.ids(row); }
  void score(int row, float* logits) noexcept override;
  void advance() override;
  void stop(FinishReason reason) override;
  void constrain(const GrammarState& start) override {
    constraint_.emplace(start, options_.eos_token_ids, static_cast<int64_t>(vocabulary_));
  }
  Status status() const override { return constraint_ ? constraint_->status() : Status(); }
  std::span<const Hypothesis> finished() const noexcept override { return done_.best_first(); }
  std::span<const Hypothesis> results() const noexcept override;

 private:
  /// A beam, and a token that may continue it.
  struct Continuation {
    float score = 0.0f;  ///< the sum of log-probabilities
    int row = 0;
    int32_t token = 0;
    bool is_end = false;  ///< an end token
    bool stops = false;   ///< the rule ends it
  };

  size_t rank();
  void find_ends(std::span<Continuation> ranked);
  void finish_best(std::span<const Continuation> ranked, size_t length);
  void keep_alive(std::span<const Continuation> ranked);
  bool may_improve(size_t length) const noexcept;
  float divisor(size_t length) const noexcept;
  bool is_end(int32_t token) const noexcept;

  const GenerationOptions options_;
  ops::Sampling sampling_;
  size_t vocabulary_;
  size_t beams_;
  size_t ranked_count_;
  size_t max_new_tokens_;
  Processors processors_;
  TokenRows rows_;
  std::vector<float> scores_;               // [beams] of the rows
  std::vector<std::vector<float>> before_;  // [beams], Processors::memory()
  std::vector<ops::Candidate> candidates_;  // [beams][ranked_count], by log-probability
  std::vector<size_t> candidate_counts_;    // [beams]
  std::vector<Continuation> ranking_;       // [beams * ranked_count] at most
  TokenLog log_;
  StopRule* rule_;
  std::optional<ConstrainedRows> constraint_;
  HypothesisList done_;
  bool over_ = false;
};

}  // namespace lanewise::generate
