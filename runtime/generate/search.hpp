#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "lanewise/generation.hpp"
#include "ops/isa.hpp"

namespace lanewise::generate {

/// The search for the output of one source. Knows no model: it is given rows of logits.
///
/// A row is one hypothesis that is alive, and one sequence of the decoder. A step is
///
///   for each row r: the decoder takes token(r) behind what row parent(r) of the step before had;
///                   score(r, its logits)
///   advance()
///
/// until rows() is 0. Nothing is allocated in score(), nor in advance() up to kReservedTokens
/// tokens.
class Search {
 public:
  /// Of so many new tokens a search holds the memory from the beginning; more allocate at times.
  static constexpr int64_t kReservedTokens = 1024;

  virtual ~Search() = default;

  /// The hypotheses that are alive; 0 when the search is over. 1 before the first step, because all
  /// share the prompt; later at most `beams`, or num_return_sequences of samples.
  virtual int rows() const noexcept = 0;
  /// The token that the decoder takes next in this row; before the first step the prompt's last.
  virtual int32_t token(int row) const noexcept = 0;
  /// The row of the step before that this row continues; 0 before the first step. Rows are in no
  /// order, and several may continue one.
  virtual int parent(int row) const noexcept = 0;
  /// The new tokens of the row, token(row) included. Valid until advance() or stop().
  virtual std::span<const int32_t> ids(int row) const noexcept = 0;

  /// Takes the logits behind token(row), once for each row of a step.
  ///
  /// logits  [vocabulary]; changed. A row whose logits are no distribution cannot be continued: one
  ///         of them is NaN or +inf, or all are -inf.
  /// Rows may be scored by different threads at once.
  virtual void score(int row, float* logits) noexcept = 0;

  /// Chooses the next tokens, when every row was scored.
  virtual void advance() = 0;

  /// Ends the search now: what is alive counts as finished for `reason`. Does nothing when the
  /// search is over. Not between the score() of two rows.
  virtual void stop(FinishReason reason) = 0;

  /// The hypotheses finished so far, best first; in beam search better ones can still replace them.
  /// Valid until advance() or stop().
  virtual std::span<const Hypothesis> finished() const noexcept = 0;

  /// The outcome, when rows() is 0: num_return_sequences hypotheses, best first. At least one;
  /// fewer where what is suppressed leaves no more.
  virtual std::span<const Hypothesis> results() const noexcept = 0;
};

/// The new tokens that `options` allow behind a prompt of `prompt_tokens`, at most `limit`.
int64_t allowed_new_tokens(const GenerationOptions& options, int64_t prompt_tokens, int64_t limit);

/// Begins a search.
///
/// options         passed validate() for this vocabulary
/// vocabulary      logits in a row
/// prompt          the decoder's tokens so far, at least one: a start token, or a prompt. Copied.
/// max_new_tokens  what the model has room for behind the prompt; options can only lower it. With
///                 none allowed the search is over and its result empty, for kLength.
/// sequence        the number of the source among those of one seed: which random numbers it gets.
///                 They depend on seed, sequence, sample and position alone, so samples are the
///                 same in any batch and on any number of threads.
std::unique_ptr<Search> make_search(const GenerationOptions& options, ops::Isa isa,
                                    int64_t vocabulary, std::span<const int32_t> prompt,
                                    int64_t max_new_tokens, uint64_t sequence);

}  // namespace lanewise::generate
