#pragma once

#include <optional>
#include <vector>

#include "ops/sample/sample.hpp"
#include "runtime/generate/constrained_rows.hpp"
#include "runtime/generate/hypothesis_list.hpp"
#include "runtime/generate/processors.hpp"
#include "runtime/generate/sampler.hpp"
#include "runtime/generate/search.hpp"
#include "runtime/generate/token_log.hpp"
#include "runtime/generate/token_rows.hpp"

namespace lanewise::generate {

/// A search whose hypotheses are independent: greedy, or num_return_sequences samples.
class TokenSearch final : public Search {
 public:
  TokenSearch(const GenerationOptions& options, ops::Isa isa, int64_t vocabulary, Tokens prompt,
              int64_t max_new_tokens, uint64_t sequence, StopRule* rule = nullptr);

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
  std::span<const Hypothesis> results() const noexcept override { return done_.best_first(); }

 private:
  /// A hypothesis that has not ended.
  struct Sample {
    uint64_t number = 0;  ///< index among num_return_sequences
    int row = 0;          ///< before the first step all share one row
    double log_probability = 0.0;
    int32_t next = kNoToken;  ///< chosen by score(); kNoToken if nothing can follow
    double next_log_probability = 0.0;
  };

  int32_t choose(int row, const Sample& sample, size_t position, Scores scores) const noexcept;
  void finish(const Sample& sample, int32_t last, size_t length, FinishReason reason);
  bool go_on(Sample& sample);
  bool samples() const noexcept { return options_.temperature > 0.0; }

  const GenerationOptions options_;
  ops::Sampling sampling_;
  size_t vocabulary_;
  size_t max_new_tokens_;
  uint64_t sequence_;
  Processors processors_;
  TokenRows rows_;
  std::vector<Sample> alive_;
  std::vector<Sampler> samplers_;           // [rows], when sampling
  std::vector<std::vector<float>> before_;  // [rows], Processors::memory()
  TokenLog log_;
  StopRule* rule_;
  std::optional<ConstrainedRows> constraint_;
  HypothesisList done_;
  bool over_ = false;
};

}  // namespace lanewise::generate
