#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "lanewise/export.hpp"
#include "lanewise/generation.hpp"
#include "lanewise/model.hpp"
#include "lanewise/session.hpp"
#include "lanewise/status.hpp"

namespace lanewise {

/// What was generated for a source.
struct Generation {
  /// Best first, num_return_sequences of them; fewer where no more are possible, never none.
  std::vector<Hypothesis> hypotheses;
};

/// Called while generating, on the thread that called generate(). Any may be empty.
///
/// `source` counts from 0 in the order of the call. A callback that returns false ends its source,
/// which keeps what it has (FinishReason::kStop).
struct GenerationCallbacks {
  /// Greedy search, and sampling of one sequence: each new token, the end token excepted.
  std::function<bool(int64_t source, int32_t token)> on_token{};
  /// Beam search: each hypothesis that has ended. A better one may still push it off the list.
  std::function<bool(int64_t source, const Hypothesis& hypothesis)> on_hypothesis{};
  /// Between batches: how many sources are done.
  std::function<void(int64_t done)> progress{};
};

/// Generates token ids from token ids, for models with a decoder.
///
/// Sources are batched by length, without padding; a source that is done leaves its batch at once.
/// Its ids and the bits of its scores are the same alone and in any batch, with any number of
/// threads. Not thread-safe: one Generator a thread, they share the Model.
class LANEWISE_EXPORT Generator {
 public:
  /// Fails with kUnsupported for a model that generates nothing, and as Session::create() does.
  static Result<Generator> create(const Model& model, const SessionOptions& options = {});

  Generator(Generator&&) noexcept;
  Generator& operator=(Generator&&) noexcept;
  ~Generator();

  /// Generates for every source. `options` begins as a copy of ModelInfo::generation.
  ///
  /// sources  token ids, as the model's tokenizer gives them
  /// Fails with kInvalidArgument, naming the source by its number from 1, for one that is empty,
  /// too long or has an id outside the vocabulary; and for options out of range (validate()). A run
  /// that is cancelled or late is no failure: what there is by then is the result, for kCancelled.
  Result<std::vector<Generation>> generate(std::span<const std::vector<int32_t>> sources,
                                           const GenerationOptions& options,
                                           const GenerationCallbacks& callbacks = {},
                                           const RunOptions& run = {});

  /// What the encoder did for a batch of sources, or the decoder in a step.
  struct StepTime {
    int64_t rows = 0;     ///< tokens that went through
    double begin_us = 0;  ///< since generate() began
    double end_us = 0;
    double flops = 0;
    double weight_bytes = 0;  ///< of all weights that are read, embedding tables excepted
  };
  /// Keeps the times of the next generate(); costs a clock in every node.
  void set_profiling(bool on) noexcept;
  std::span<const StepTime> steps() const noexcept;
  /// Of all steps, one after another.
  std::span<const Session::NodeTime> profile() const noexcept;

  int threads() const noexcept;
  std::string_view isa() const noexcept;

 private:
  class Impl;
  explicit Generator(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lanewise
