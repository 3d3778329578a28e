#pragma once

#include <algorithm>
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
#include "runtime/decode/stop_strings.hpp"
#include "runtime/generate/search.hpp"

namespace lanewise::decode {

/// What to generate for one source. What it refers to must outlive it; of `ids` the scheduler of a
/// decoder alone keeps a copy.
struct Request {
  std::span<const int32_t> ids;                    ///< checked
  uint64_t number = 0;                             ///< for callbacks
  uint64_t sequence = 0;                           ///< for random numbers (generate::make_search)
  const GenerationOptions* options = nullptr;      ///< passed validate()
  const GenerationCallbacks* callbacks = nullptr;  ///< `progress` is not called
  const Constraint* constraint = nullptr;          ///< of its tokens; null: none
  const text::Tokenizer* tokenizer = nullptr;      ///< tokenizer_for() its options
  Generation* result = nullptr;                    ///< is written when its search is over

  /// Hypotheses that it may have at once.
  int64_t rows() const noexcept { return std::max(options->beams, options->num_return_sequences); }
};

/// The tokenizer of what the model writes, for stop strings; null without any. Fails with
/// kUnsupported if there is none.
Result<const text::Tokenizer*> tokenizer_for(const GenerationOptions& options, const Model& model);

/// Generates for several requests together. Each step has a row for every hypothesis that has not
/// ended; a request whose search is over leaves, and others join between steps. Prompts are
/// computed in chunks, beside the steps of earlier requests.
///
/// The results of a request do not depend on the others.
class Scheduler {
 public:
  struct Limits {
    int64_t rows = 256;           ///< hypotheses
    int64_t prompt_tokens = 512;  ///< in a step
  };

  /// `decoder` must outlive it, and be used by nobody else until all requests have left.
  explicit Scheduler(Decoder& decoder) : Scheduler(decoder, Limits()) {}
  Scheduler(Decoder& decoder, const Limits& limits) : decoder_(decoder), limits_(limits) {}
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Runs the encoder for the requests that join next, in this order. Nothing to do for a decoder
  /// alone.
  Status encode(std::span<const Request> requests, const RunOptions& run);

  /// Fails with kResourceExhausted if the cache is too small for the prompt of this request alone.
  Status check_cache(const Request& request) const;
  /// Whether a request can join now. Always if no other is active.
  bool has_room(const Request& request) const noexcept;
  /// `source`: its number among those of encode(); 0 for a decoder alone.
  Status join(const Request& request, int32_t source = 0);

  bool empty() const noexcept { return active_.empty(); }
  int64_t requests() const noexcept { return static_cast<int64_t>(active_.size()); }

  /// One step for all requests. If it fails, or is cancelled, none of them can go on: stop_all().
  Status step(const RunOptions& run);
  /// Writes the results of the requests whose search is over, which leave. Calls `left` with the
  /// number of each.
  void leave(const std::function<void(uint64_t number)>& left = {});
  /// Ends the search of a request, if it is active.
  void stop(uint64_t number, FinishReason reason);
  void stop_all(FinishReason reason);
  /// Forgets all requests, without results, whatever happened before.
  void abandon() noexcept;

 private:
  /// A request whose search is not over.
  struct Active {
    Request request;
    int32_t source = 0;
    int64_t pages = 0;  ///< that it may need
    std::vector<int32_t> prompt;
    size_t computed = 0;  ///< tokens of the prompt in the cache, those of this step included
    std::unique_ptr<StopStrings> stops;  ///< null without stop strings
    std::unique_ptr<generate::Search> search;
    std::unique_ptr<Draft> draft;            ///< null if none is worth it
    std::vector<Cache::Sequence> sequences;  ///< by row of the last step
    size_t first_row = 0;                    ///< in the step
    std::span<const int32_t> proposed;       ///< tokens of the step that are guesses
    size_t tokens_reported = 0;
    std::vector<std::vector<int32_t>> reported;  ///< hypotheses

    bool in_prompt() const noexcept { return computed < prompt.size(); }
  };

  /// A search and one of its rows.
  struct RowToScore {
    generate::Search* search;
    int row;
    float* logits;
  };
  class ScoreRows;

  std::vector<int32_t> prompt_of(const Request& request) const;
  Result<std::unique_ptr<StopStrings>> stops_of(const Request& request) const;
  int64_t prompt_tokens(const Request& request) const noexcept;
  int64_t most_new_tokens(const Request& request) const noexcept;
  int64_t most_pages(const Request& request) const noexcept;
  bool is_long(const Request& request) const noexcept;
  bool may_draft() const noexcept;
  Status try_step(const RunOptions& run);
  Status bind_rows();
  Status bind_prompt(Active& active, size_t count);
  Status bind_hypotheses(Active& active);
  Status bind_row(const Active& active, Cache::Sequence& sequence, std::span<const int32_t> tokens);
  void follow_parents(Active& active);
  void call_on_logits();
  void call_on_logits(const Active& active, int row, size_t place);
  void score_rows();
  Status advance(Active& active);
  Status take_tokens(Active& active);
  void report(Active& active);
  bool report_tokens(Active& active) const;
  bool report_hypotheses(Active& active) const;
  void finish(Active& active);
  void publish(const Active& active, std::span<const int32_t> ids);

  Decoder& decoder_;
  const Limits limits_;
  std::vector<Active> active_;
  int64_t rows_promised_ = 0;  // to active requests
  int64_t pages_promised_ = 0;
  bool failed_ = false;  // the last step: the cache has tokens that were not computed

  // For a step.
  graph::LogitRows logits_ = graph::LogitRows::kLast;
  std::vector<Decoder::Row> rows_;
  std::vector<int32_t> tokens_;  // of the rows that go on, with guesses
  std::vector<RowToScore> to_score_;
  std::vector<Cache::Sequence> next_;
  std::vector<int> uses_;
};

}  // namespace lanewise::decode
