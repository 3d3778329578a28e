#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/export.hpp"
#include "lanewise/status.hpp"

namespace lanewise {

/// No token: the value of an id that is not set.
inline constexpr int32_t kNoToken = -1;

/// When a beam search ends whose hypotheses are as many as its beams.
enum class EarlyStopping {
  kNo,     ///< when no beam, at its length of now, has a better score than the worst of them
  kYes,    ///< at once
  kNever,  ///< when no beam can get a better score than the worst of them at any allowed length
};

/// A field of a checkpoint's generation_config.json that nothing here can obey: the library lacks
/// it, or its value makes no sense.
struct UnsupportedOption {
  std::string field;   ///< Transformers' name for it: `stop_strings`, `num_beams`
  std::string reason;  ///< a whole message, for whoever generates
  bool operator==(const UnsupportedOption&) const = default;
};

/// How the next tokens are chosen.
///
/// The fields, their meaning and their order of effect are those of Transformers' GenerationConfig;
/// `beams` is its `num_beams`, and `temperature` stands for its `do_sample` too. The values here
/// mean "off": greedy search up to the model's limit.
struct GenerationOptions {
  // The kind of search. Beams exclude sampling.
  int beams = 1;                 ///< 1 to kMaxBeams; above 1: beam search
  int num_return_sequences = 1;  ///< at most `beams`; of samples, at most kMaxSamples
  double length_penalty = 1.0;   ///< scores are divided by length^length_penalty; -10 to 10
  EarlyStopping early_stopping = EarlyStopping::kNo;

  // Lengths in tokens, 0: not set. The end token counts. `new` ones are those behind the prompt;
  // the others count what the decoder was given as well: the prompt, or the start token alone.
  int64_t max_new_tokens = 0;  ///< overrides max_length
  int64_t max_length = 0;
  int64_t min_new_tokens = 0;  ///< overrides min_length
  int64_t min_length = 0;

  // Sampling.
  double temperature = 0.0;  ///< logits are divided by it; 0: the likeliest token is taken
  int top_k = 0;             ///< only the likeliest top_k tokens may be drawn; 0: all
  double top_p = 1.0;        ///< only the likeliest tokens that together have this probability
  uint64_t seed = 0;         ///< the same seed, the same samples, in every batch

  // What changes the scores before a token is chosen.
  double repetition_penalty = 1.0;  ///< > 0; above 1: tokens that are there already get less likely
  int no_repeat_ngram_size = 0;     ///< no run of so many tokens appears twice; 0: off
  std::vector<int32_t> suppress_tokens;        ///< never chosen
  std::vector<int32_t> begin_suppress_tokens;  ///< not chosen first (second, behind a forced one)
  std::vector<std::vector<int32_t>> bad_words_ids;  ///< sequences that do not appear
  /// Beam search: log-probabilities are normalised again after all of these. Without beams the
  /// same tokens are chosen either way.
  bool renormalize_logits = false;

  // Special tokens.
  int32_t forced_bos_token_id = kNoToken;    ///< the first token behind a prompt of one token
  std::vector<int32_t> forced_eos_token_id;  ///< one of them is the last of the longest length
  std::vector<int32_t> eos_token_ids;        ///< each of them ends a hypothesis
  int32_t decoder_start_token_id = kNoToken;
  int32_t bos_token_id = kNoToken;
  int32_t pad_token_id = kNoToken;  ///< nothing is padded here; kept for the caller

  /// What the checkpoint asks for and cannot have. validate() refuses each that this search would
  /// obey: `typical_p` if it samples, `num_beam_groups` if it has beams. Whoever sets an option in
  /// place of the checkpoint's value calls override_unsupported().
  std::vector<UnsupportedOption> unsupported;
};

/// Takes `fields` out of `options.unsupported`: the caller has replaced them.
LANEWISE_EXPORT void override_unsupported(GenerationOptions& options,
                                          std::span<const std::string_view> fields);

inline constexpr int kMaxBeams = 64;
inline constexpr int kMaxSamples = 256;

/// Fails with kInvalidArgument, naming the field, unless each value is within its range, lengths do
/// not contradict each other, ids are below `vocabulary_size`, and the kind of search can have the
/// options; with kUnsupported for an unsupported field that the search would obey. Thread-safe.
LANEWISE_EXPORT Status validate(const GenerationOptions& options, int64_t vocabulary_size);

/// Why a hypothesis has ended.
enum class FinishReason {
  kEos,        ///< an end token
  kLength,     ///< the longest length
  kStop,       ///< the caller wanted no more, or no token could follow
  kCancelled,  ///< the run was cancelled, or its deadline passed
};

/// A sequence of tokens that a search has found.
struct Hypothesis {
  std::vector<int32_t> ids;  ///< the new tokens: no prompt, no start token, no end token
  /// The sum of the tokens' log-probabilities, that of the end token included, over
  /// length^length_penalty, where the length counts the end token.
  ///
  /// Of beams the log-probabilities are the changed ones that the search compared, as in
  /// Transformers. Of greedy search and of samples they are the model's own, before penalties,
  /// temperature, top_k and top_p. A forced token counts 0.
  float score = 0.0f;
  FinishReason finish_reason = FinishReason::kLength;
};

}  // namespace lanewise
