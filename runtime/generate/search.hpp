#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "lanewise/generation.hpp"
#include "lanewise/grammar.hpp"
#include "ops/isa.hpp"

namespace lanewise::generate {

/// Ends hypotheses for reasons that a search does not know, such as their texts.
class StopRule {
 public:
  virtual ~StopRule() = default;
  /// Whether the hypothesis of the new tokens `ids` ends with `token` behind them, which is no end
  /// token.
  virtual bool ends(std::span<const int32_t> ids, int32_t token) = 0;
};

/// Searches for the output of one source, given rows of logits. Knows nothing of models.
///
/// A row is a hypothesis that has not ended, and a sequence of the decoder. A step is
///
///   for each row r: the decoder appends token(r) to the sequence of row parent(r) of the previous
///                   step; score(r, its logits)
///   advance()
///
/// until rows() is 0. score() does not allocate, nor does advance() up to kReservedTokens tokens,
/// unless the options ask for log-probabilities.
class Search {
 public:
  /// A search reserves memory for this many new tokens; beyond that it allocates occasionally.
  static constexpr int64_t kReservedTokens = 1024;

  virtual ~Search() = default;

  /// The number of hypotheses that have not ended; 0 when the search is over. 1 before the first
  /// step, because all share the prompt; later at most `beams`, or num_return_sequences when
  /// sampling.
  virtual int rows() const noexcept = 0;
  /// The next input of the decoder for this row; before the first step, the last token of the
  /// prompt.
  virtual int32_t token(int row) const noexcept = 0;
  /// The row of the previous step that this row continues; 0 before the first step. Several rows
  /// may continue the same one, in any order.
  virtual int parent(int row) const noexcept = 0;
  /// The new tokens of the row, including token(row). Valid until advance() or stop().
  virtual std::span<const int32_t> ids(int row) const noexcept = 0;

  /// Passes the logits that follow token(row). Call it once for each row of a step; rows may be
  /// scored concurrently.
  ///
  /// logits  [vocabulary]; overwritten. If one of them is NaN or +inf, or all are -inf, the row
  ///         cannot be continued.
  virtual void score(int row, float* logits) noexcept = 0;

  /// Chooses the next tokens. Call it after all rows have been scored. Asks the rule, if there is
  /// one, about every token that might follow.
  virtual void advance() = 0;

  /// Stops the search: all remaining hypotheses count as finished for `reason`. Does nothing if the
  /// search is over. Must not be called after only some rows of a step have been scored.
  virtual void stop(FinishReason reason) = 0;

  /// The hypotheses finished so far, best first. In a beam search better ones may still replace
  /// them. Valid until advance() or stop().
  virtual std::span<const Hypothesis> finished() const noexcept = 0;

  /// Lets only tokens follow that continue the text of `start`, and end tokens where it may end.
  /// advance() then allocates. Call it before the first step.
  virtual void constrain(const GrammarState& start) = 0;
  /// kResourceExhausted if the grammar could not tell what may follow: results are then incomplete.
  virtual Status status() const = 0;

  /// The results, when rows() is 0: num_return_sequences hypotheses, best first. At least one, but
  /// fewer if suppressed tokens leave no more.
  virtual std::span<const Hypothesis> results() const noexcept = 0;
};

/// Returns how many new tokens `options` allow after a prompt of `prompt_tokens`, at most `limit`.
int64_t allowed_new_tokens(const GenerationOptions& options, int64_t prompt_tokens, int64_t limit);

/// Starts a search.
///
/// options         have passed validate() for this vocabulary
/// vocabulary      number of logits in a row
/// prompt          the decoder's prompt, at least a start token. Copied.
/// max_new_tokens  how many tokens the model can append to the prompt; options can only reduce it.
///                 If it is 0 the search is over, with an empty hypothesis finished for kLength.
/// sequence        the number of the source among those with the same seed. Random numbers depend
///                 only on seed, sequence, sample and position, so samples are the same in any
///                 batch and with any number of threads.
/// rule            outlives the search; null: only tokens and lengths end hypotheses
std::unique_ptr<Search> make_search(const GenerationOptions& options, ops::Isa isa,
                                    int64_t vocabulary, std::span<const int32_t> prompt,
                                    int64_t max_new_tokens, uint64_t sequence,
                                    StopRule* rule = nullptr);

}  // namespace lanewise::generate
