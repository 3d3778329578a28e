#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/export.hpp"
#include "lanewise/status.hpp"

namespace lanewise {

/// The value of a token id that is not set.
inline constexpr int32_t kNoToken = -1;

/// When a beam search stops once it has as many finished hypotheses as beams.
enum class EarlyStopping {
  kNo,     ///< when no beam scores better than the worst of them at its current length
  kYes,    ///< immediately
  kNever,  ///< when no beam can score better than the worst of them at any length allowed
};

/// A field of a checkpoint's generation_config.json that cannot be obeyed: lanewise does not
/// implement it, or its value is invalid.
struct UnsupportedOption {
  std::string field;   ///< its name in Transformers: `stop_strings`, `num_beams`
  std::string reason;  ///< a complete message for the user
  bool operator==(const UnsupportedOption&) const = default;
};

/// A number that is added to the score of a token.
struct LogitBias {
  int32_t id = kNoToken;
  double bias = 0.0;
  bool operator==(const LogitBias&) const = default;
};

/// How the next tokens are chosen.
///
/// The fields, their meaning and the order in which they apply are those of Transformers'
/// GenerationConfig. `beams` is its `num_beams`; `temperature` > 0 implies its `do_sample`. The
/// defaults turn everything off: greedy search up to the model's limit.
struct GenerationOptions {
  // The kind of search. Beam search and sampling exclude each other.
  int beams = 1;                 ///< 1 to kMaxBeams; above 1: beam search
  int num_return_sequences = 1;  ///< at most `beams`; when sampling, at most kMaxSamples
  double length_penalty = 1.0;   ///< scores are divided by length^length_penalty; -10 to 10
  EarlyStopping early_stopping = EarlyStopping::kNo;

  // Lengths in tokens, including the end token; 0: not set. `new` lengths count only the generated
  // tokens. The others also count the decoder's prompt, which is at least the start token.
  int64_t max_new_tokens = 0;  ///< overrides max_length
  int64_t max_length = 0;
  int64_t min_new_tokens = 0;  ///< overrides min_length
  int64_t min_length = 0;

  // Sampling.
  double temperature = 0.0;  ///< logits are divided by it; 0: the most likely token is chosen
  int top_k = 0;             ///< sample from the top_k most likely tokens; 0: from all
  double top_p = 1.0;        ///< sample from the most likely tokens whose probabilities sum to this
  double min_p = 0.0;        ///< not from tokens less likely than this times the most likely one
  uint64_t seed = 0;         ///< the same seed gives the same samples in every batch

  // Processors: they change the scores before a token is chosen.
  std::vector<LogitBias> logit_bias;  ///< added first; at most one for each token
  double repetition_penalty = 1.0;  ///< > 0; above 1: tokens that already occur become less likely
  /// Subtracted from the score of each token once for every time that it has been generated, and
  /// once if it has been generated at all, as OpenAI's API defines them: the prompt does not count.
  double frequency_penalty = 0.0;
  double presence_penalty = 0.0;
  int no_repeat_ngram_size = 0;                ///< no n-gram of this size occurs twice; 0: off
  std::vector<int32_t> suppress_tokens;        ///< never chosen
  std::vector<int32_t> begin_suppress_tokens;  ///< never first, or second after a forced first one
  std::vector<std::vector<int32_t>> bad_words_ids;  ///< sequences that never occur
  /// Beam search: normalises the log-probabilities again after all processors. Without beams it
  /// does not affect which tokens are chosen.
  bool renormalize_logits = false;

  // Special tokens.
  int32_t forced_bos_token_id = kNoToken;    ///< forced as the first token after a 1-token prompt
  std::vector<int32_t> forced_eos_token_id;  ///< one of them is forced at the maximum length
  std::vector<int32_t> eos_token_ids;        ///< each of them ends a hypothesis
  int32_t decoder_start_token_id = kNoToken;
  int32_t bos_token_id = kNoToken;
  int32_t pad_token_id = kNoToken;  ///< not used by lanewise, which never pads; for the caller

  /// Each of them ends a hypothesis as soon as the text of its new tokens contains it, wherever it
  /// begins or ends within a token, or when it is the special token that was generated. The text of
  /// the hypothesis ends before it: text_before_stop(). Requires a model with a tokenizer.
  std::vector<std::string> stop_strings;

  /// What Hypothesis::logprobs reports: for each token this many of the most likely ones, at most
  /// kMaxTopLogprobs; 0: only the token's own log-probability; -1: nothing.
  int top_logprobs = -1;

  /// Options that the checkpoint sets and lanewise does not support. validate() refuses those that
  /// would affect this search: `typical_p` when sampling, `num_beam_groups` in a beam search. A
  /// caller that replaces such an option calls override_unsupported().
  std::vector<UnsupportedOption> unsupported;
};

/// Removes `fields` from `options.unsupported`, because the caller has replaced them.
LANEWISE_EXPORT void override_unsupported(GenerationOptions& options,
                                          std::span<const std::string_view> fields);

inline constexpr int kMaxBeams = 64;
inline constexpr int kMaxSamples = 256;
inline constexpr int kMaxTopLogprobs = 100;

/// Checks that each value is in range, that the lengths do not contradict each other, that ids are
/// below `vocabulary_size`, and that the options fit the kind of search.
///
/// Fails with kInvalidArgument, and the message names the field; with kUnsupported if an
/// unsupported option would affect the search. Thread-safe.
LANEWISE_EXPORT Status validate(const GenerationOptions& options, int64_t vocabulary_size);

/// Why a hypothesis ended.
enum class FinishReason {
  kEos,        ///< an end token was chosen
  kLength,     ///< the maximum length was reached
  kStop,       ///< a stop string occurred, a callback stopped it, or no token could follow
  kCancelled,  ///< the run was cancelled, or its deadline passed
};

/// A token, and its log-probability in the model's own distribution: before processors, temperature
/// and filters.
struct LikelyToken {
  int32_t id = kNoToken;
  float logprob = 0.0f;
};

/// A token of a hypothesis.
struct TokenLogprob {
  int32_t id = kNoToken;
  float logprob = 0.0f;
  std::vector<LikelyToken> top;  ///< the most likely tokens at its place, best first
};

/// A sequence of tokens found by a search.
struct Hypothesis {
  /// The generated tokens, without prompt, start token and end token. Those that make up a stop
  /// string are included.
  std::vector<int32_t> ids;
  /// The sum of the tokens' log-probabilities divided by length^length_penalty. Both the sum and
  /// the length include the end token.
  ///
  /// Beam search uses log-probabilities after all processors, as Transformers does. Greedy search
  /// and sampling use the model's own, before processors, temperature, top_k and top_p. A forced
  /// token contributes 0.
  float score = 0.0f;
  FinishReason finish_reason = FinishReason::kLength;
  std::vector<TokenLogprob> logprobs;  ///< [ids], if GenerationOptions::top_logprobs >= 0
};

/// Returns the part of `text` before the first of `stop_strings`: the one that ends first, and of
/// those that end together the longest. All of `text` if it contains none.
LANEWISE_EXPORT std::string_view text_before_stop(
    std::string_view text, std::span<const std::string> stop_strings) noexcept;

}  // namespace lanewise
