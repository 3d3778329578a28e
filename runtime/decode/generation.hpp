#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "lanewise/generation.hpp"
#include "lanewise/generator.hpp"
#include "runtime/decode/decoder.hpp"
#include "runtime/decode/stop_strings.hpp"
#include "runtime/generate/search.hpp"

namespace lanewise::decode {

/// One source of a batch.
struct Source {
  std::span<const int32_t> ids;  ///< checked
  uint64_t number = 0;           ///< index among all sources of the caller
};

/// Generates for the sources of one batch together: each step has a row for every unfinished
/// hypothesis; a source whose search has ended leaves at once.
class BatchGeneration {
 public:
  /// All must outlive it. `options` passed validate().
  ///
  /// tokenizer  of what the decoder writes; only used, and then required, for stop strings
  BatchGeneration(Decoder& decoder, const GenerationOptions& options,
                  const GenerationCallbacks& callbacks, const RunOptions& run,
                  const text::Tokenizer* tokenizer = nullptr);
  ~BatchGeneration();
  BatchGeneration(const BatchGeneration&) = delete;
  BatchGeneration& operator=(const BatchGeneration&) = delete;

  /// results  [sources], the outcome of each If cancelled or past the deadline, results hold what
  /// was generated, for kCancelled, and `stopped` is true.
  Status run(std::span<const Source> sources, std::span<Generation> results, bool& stopped);

 private:
  /// A source whose search has not ended.
  struct Active {
    int32_t source = 0;
    std::unique_ptr<StopStrings> stops;  ///< null without stop strings
    std::unique_ptr<generate::Search> search;
    std::vector<Cache::Slots> slots;  ///< by row of the last step
    size_t first_row = 0;             ///< in the step
    size_t tokens_reported = 0;
    std::vector<std::vector<int32_t>> reported;  ///< hypotheses
  };

  Status start(std::span<const Source> sources);
  Result<std::unique_ptr<StopStrings>> stops_of(std::span<const int32_t> prompt) const;
  std::vector<int32_t> prompt_of(const Source& source) const;
  Status step(std::span<const Source> sources);
  Status bind_rows();
  void follow_parents(Active& active);
  void call_on_logits(std::span<const Source> sources);
  void score_rows();
  void report(Active& active, const Source& source);
  bool report_tokens(Active& active, int64_t number) const;
  bool report_hypotheses(Active& active, int64_t number) const;
  void finish(Active& active, Generation& result);
  void stop_all(FinishReason reason);

  Decoder& decoder_;
  const GenerationOptions& options_;
  const GenerationCallbacks& callbacks_;
  const RunOptions& run_;
  const text::Tokenizer* tokenizer_;
  std::vector<Active> active_;
  bool first_step_ = true;

  // For a step.
  std::vector<Decoder::Row> rows_;
  std::vector<int32_t> tokens_;                // [rows], after the first step
  std::vector<std::vector<int32_t>> prompts_;  // [sources]
  std::vector<Cache::Slots> next_;
  std::vector<int> uses_;
};

}  // namespace lanewise::decode
