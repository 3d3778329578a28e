#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "lanewise/generator.hpp"
#include "lanewise/model.hpp"
#include "lanewise/session.hpp"
#include "runtime/decode/cache.hpp"
#include "runtime/exec/executor.hpp"
#include "runtime/exec/input_binder.hpp"
#include "runtime/graph/decoding.hpp"
#include "runtime/plan/program.hpp"
#include "runtime/session_setup.hpp"

namespace lanewise::decode {

/// Runs a model as a decoder, token by token: the encoder once for a batch of sources, then steps.
/// Working memory of one caller; the model is shared.
class Decoder {
 public:
  /// Fails as Session::create() does, and with kUnsupported for a model that has no decoder.
  ///
  /// rows  which tokens of a step get logits
  static Result<std::unique_ptr<Decoder>> create(const Model& model, const SessionOptions& options,
                                                 graph::LogitRows rows = graph::LogitRows::kLast);

  bool has_encoder() const noexcept { return encode_executor_ != nullptr; }
  exec::Team& team() noexcept { return team_; }
  ops::Isa isa() const noexcept { return isa_; }
  int64_t vocabulary() const noexcept { return vocabulary_; }
  /// The maximum number of tokens of a decoder's sequence.
  int64_t max_tokens() const noexcept {
    return has_encoder() ? model_.info().max_target_tokens : model_.info().max_tokens;
  }
  Cache& cache() noexcept { return cache_; }

  /// Runs the encoder over sources that passed check_batch() and must stay valid until the next
  /// call. kCancelled if `options` stopped it.
  Status encode(const RaggedBatch& sources, const RunOptions& options);

  /// One sequence of a step.
  struct Row {
    int32_t source = 0;               ///< of the last encode()
    std::span<const int32_t> tokens;  ///< the new ones, at least one
    const Cache::Sequence* sequence;  ///< of all its tokens, the new ones last
  };
  /// Processes the tokens of all rows and writes what later steps need of them
  /// to the cache.
  Status step(std::span<const Row> rows, const RunOptions& options);

  /// The logits after the last token of a row of the last step, [vocabulary]; with
  /// LogitRows::kAll, after a token of the step. May be changed.
  float* logits(size_t row) const;

  /// Records the times of subsequent runs (Generator::set_profiling).
  void set_profiling(bool on) noexcept;
  void begin_profile();
  std::span<const Generator::StepTime> step_times() const noexcept { return step_times_; }
  std::span<const Session::NodeTime> node_times() const noexcept { return node_times_; }

 private:
  Decoder(const Model& model, graph::DecodingGraphs graphs, plan::Program encode,
          plan::Program step, const SessionSetup& setup);
  /// What an input of the step graph is bound to.
  struct StepInput {
    enum class Kind { kIds, kPositions, kSources, kCache, kMemory };
    Kind kind;
    size_t layer = 0;            // kCache
    graph::ValueId memory = -1;  // kMemory: a value of the encode graph
  };
  std::vector<StepInput> step_inputs() const;
  exec::InputBinding binding_of(const StepInput& input) const;
  Status run(const plan::Program& program, exec::Executor& executor, int64_t rows,
             const RunOptions& options);
  double weight_bytes(const plan::Program& program) const;

  Model model_;
  const graph::DecodingGraphs graphs_;
  const plan::Program encode_;
  const plan::Program step_;
  const ops::Isa isa_;
  const int64_t vocabulary_;
  exec::Team team_;
  std::unique_ptr<exec::Executor> encode_executor_;  // null if there is no encoder
  exec::Executor step_executor_;
  Cache cache_;

  bool profiling_ = false;
  exec::Stopwatch watch_;
  std::vector<Generator::StepTime> step_times_;
  std::vector<Session::NodeTime> node_times_;

  // For the sources.
  exec::InputBinder source_binder_;
  std::vector<int32_t> source_offsets_;
  std::vector<int32_t> source_lengths_;
  std::vector<int32_t> counts_;  // 0, 1, 2, ...: the rows of the memory

  // For a step.
  const std::vector<StepInput> step_inputs_;  // in the order of step.graph.inputs
  const size_t tokens_;                       // the row symbol of its new tokens
  std::vector<exec::InputBinding> inputs_;
  std::vector<int32_t> ids_;
  std::vector<int32_t> positions_;
  std::vector<int32_t> sources_;
  std::vector<int32_t> offsets_;
  std::vector<const int32_t*> cache_slots_;
  std::vector<float* const*> cache_pages_;
  std::vector<int32_t> cache_lengths_;
  std::vector<const int32_t*> memory_rows_;
  std::vector<int32_t> memory_lengths_;
};

}  // namespace lanewise::decode
