#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "lanewise/export.hpp"
#include "lanewise/generation.hpp"
#include "lanewise/grammar.hpp"
#include "lanewise/model.hpp"
#include "lanewise/session.hpp"
#include "lanewise/status.hpp"

namespace lanewise {

/// The result for one source.
struct Generation {
  /// num_return_sequences hypotheses, best first; fewer if no more are possible, but at least one.
  std::vector<Hypothesis> hypotheses;
};

/// Called while generating, on the thread that called generate(). Any of them may be empty.
///
/// `source` is the index of the source in the call, from 0. If a callback returns false, generation
/// stops for that source, and the tokens generated so far are its result (FinishReason::kStop).
struct GenerationCallbacks {
  /// Called for each new token except the end token, in greedy search and when sampling one
  /// sequence.
  std::function<bool(int64_t source, int32_t token)> on_token{};
  /// Called for each hypothesis before its next token is chosen, and may change `logits`,
  /// [vocabulary], to which processors are then applied. `ids` are the new tokens so far. What it
  /// changes counts as the model's own distribution for scores and log-probabilities; a logit of
  /// -inf forbids a token, and if all are forbidden the hypothesis ends.
  std::function<void(int64_t source, std::span<const int32_t> ids, std::span<float> logits)>
      on_logits{};
  /// Called for each finished hypothesis of a beam search. Better ones may still displace it from
  /// the results.
  std::function<bool(int64_t source, const Hypothesis& hypothesis)> on_hypothesis{};
  /// Called between batches with the number of sources done so far.
  std::function<void(int64_t done)> progress{};
};

/// Generates token ids from token ids, for models with a decoder.
///
/// Sources are batched by length, without padding; a finished source leaves its batch immediately.
/// A source gets the same ids, and scores with the same bits, alone and in any batch, with any
/// number of threads. Not thread-safe: use one Generator per thread; they share the Model.
class LANEWISE_EXPORT Generator {
 public:
  /// Fails with kUnsupported for a model without a decoder, and as Session::create() does.
  static Result<Generator> create(const Model& model, const SessionOptions& options = {});

  Generator(Generator&&) noexcept;
  Generator& operator=(Generator&&) noexcept;
  ~Generator();

  /// Generates for every source. Start from a copy of ModelInfo::generation for `options`.
  ///
  /// sources      token ids as the model's tokenizer produces them
  /// constraints  what the generated texts must be: none, one for all sources, or one for each.
  ///              Made with the tokenizer of the decoder's output (Tokenizer::of_target). A text
  ///              that ends for kLength or kCancelled may be incomplete.
  ///
  /// Fails with kInvalidArgument if a source is empty, too long or has an id outside the
  /// vocabulary, and the message gives its number, counted from 1; fails as validate() does for bad
  /// options; with kResourceExhausted if a grammar is too ambiguous. Cancellation and deadlines are
  /// not failures: the tokens generated so far are returned with FinishReason::kCancelled.
  Result<std::vector<Generation>> generate(std::span<const std::vector<int32_t>> sources,
                                           const GenerationOptions& options,
                                           const GenerationCallbacks& callbacks = {},
                                           const RunOptions& run = {},
                                           std::span<const Constraint> constraints = {});

  /// The number of the first source of the following calls among all with the same seed; initially
  /// 0. Samples of sources that are generated in several calls are then those of a single call.
  void set_first_source(uint64_t number) noexcept;

  /// Allocates working memory and cache for up to `sequences` hypotheses at once (of all sources,
  /// with their beams and returned sequences) of up to `tokens` tokens each, prompt included. The
  /// sources of an encoder-decoder may have as many. The cache gets at most
  /// SessionOptions::cache_bytes, and what is kept of earlier texts has no more room than that.
  /// Fails with kInvalidArgument for numbers below 1, with kResourceExhausted if memory runs out;
  /// the generator stays usable.
  Status reserve(int64_t sequences, int64_t tokens);
  /// Bytes that reserve() allocates in a new Generator, which is all that its steps use beside
  /// oneDNN; INT64_MAX if no machine has that much memory. Beside it, a source needs memory for its
  /// tokens, for what the search notes of them, and for its results.
  int64_t memory_bytes(int64_t sequences, int64_t tokens) const noexcept;

  /// One pass of the encoder over a batch of sources, or one step of the decoder.
  struct StepTime {
    int64_t rows = 0;     ///< tokens processed
    double begin_us = 0;  ///< since generate() began
    double end_us = 0;
    double flops = 0;
    double weight_bytes = 0;  ///< bytes of weights read, except embedding tables
  };
  /// Records times in the following calls of generate(). Costs two clock reads per node.
  void set_profiling(bool on) noexcept;
  /// The steps of the last generate(), in order.
  std::span<const StepTime> steps() const noexcept;
  /// The nodes of all these steps, in order.
  std::span<const Session::NodeTime> profile() const noexcept;

  int threads() const noexcept;
  std::string_view isa() const noexcept;

 private:
  class Impl;
  explicit Generator(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lanewise
