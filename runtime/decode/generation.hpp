#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "lanewise/generation.hpp"
#include "lanewise/generator.hpp"
#include "lanewise/grammar.hpp"
#include "runtime/decode/decoder.hpp"
#include "runtime/decode/draft.hpp"
#include "runtime/generate/search.hpp"

namespace lanewise::decode {

/// One source of a batch.
struct Source {
  std::span<const int32_t> ids;            ///< checked
  uint64_t number = 0;                     ///< index among all sources of the caller
  const Constraint* constraint = nullptr;  ///< of its tokens; null: none
};

/// Generates for several sources together. Each step has a row for every hypothesis that has not
/// ended; a source whose search has ended leaves at once, and another joins in its place. Prompts
/// are computed in chunks, beside the steps of the sources before them.
///
/// For an encoder-decoder, all sources are encoded first, and join together.
class BatchGeneration {
 public:
  /// All must outlive it. `options` passed validate().
  BatchGeneration(Decoder& decoder, const GenerationOptions& options,
                  const GenerationCallbacks& callbacks, const RunOptions& run);
  ~BatchGeneration();
  BatchGeneration(const BatchGeneration&) = delete;
  BatchGeneration& operator=(const BatchGeneration&) = delete;

  /// results  [sources], the outcome of each; empty for those that had not joined when it was
  ///          stopped. If cancelled or past the deadline, results hold what was generated, for
  ///          kCancelled, and `stopped` is true.
  Status run(std::span<const Source> sources, std::span<Generation> results, bool& stopped);

 private:
  /// A source whose search has not ended.
  struct Active {
    int32_t source = 0;
    std::vector<int32_t> prompt;
    size_t computed = 0;  ///< tokens of the prompt in the cache, those of this step included
    std::unique_ptr<generate::Search> search;
    std::unique_ptr<Draft> draft;            ///< null if none is worth it
    std::vector<Cache::Sequence> sequences;  ///< by row of the last step
    size_t first_row = 0;                    ///< in the step
    std::span<const int32_t> proposed;       ///< tokens of the step that are guesses
    size_t tokens_reported = 0;
    std::vector<std::vector<int32_t>> reported;  ///< hypotheses

    bool in_prompt() const noexcept { return computed < prompt.size(); }
  };

  Status start(std::span<const Source> sources);
  Status join(std::span<const Source> sources);
  Status join(const Source& source, int32_t index);
  void leave(std::span<Generation> results);
  std::vector<int32_t> prompt_of(const Source& source) const;
  int64_t rows() const noexcept;
  bool may_draft() const noexcept;
  Status step(std::span<const Source> sources);
  Status bind_rows();
  Status bind_prompt(Active& active, size_t count);
  Status bind_hypotheses(Active& active);
  Status bind_row(const Active& active, Cache::Sequence& sequence, std::span<const int32_t> tokens);
  void follow_parents(Active& active);
  void score_rows();
  Status advance(Active& active, const Source& source);
  Status take_tokens(Active& active, const Source& source);
  void report(Active& active, const Source& source);
  bool report_tokens(Active& active, int64_t number) const;
  bool report_hypotheses(Active& active, int64_t number) const;
  void finish(Active& active, Generation& result);
  void publish(const Active& active, std::span<const int32_t> ids);
  void stop_all(FinishReason reason);

  Decoder& decoder_;
  const GenerationOptions& options_;
  const GenerationCallbacks& callbacks_;
  const RunOptions& run_;
  std::vector<Active> active_;
  size_t next_source_ = 0;  // to join
  int64_t left_ = 0;        // sources that are done

  // For a step.
  graph::LogitRows logits_ = graph::LogitRows::kLast;
  std::vector<Decoder::Row> rows_;
  std::vector<std::vector<int32_t>> tokens_;  // of the rows that go on
  std::vector<Cache::Sequence> next_;
  std::vector<int> uses_;
};

}  // namespace lanewise::decode
