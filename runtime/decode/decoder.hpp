#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
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
  static Result<std::unique_ptr<Decoder>> create(const Model& model, const SessionOptions& options);

  bool has_encoder() const noexcept { return encode_executor_ != nullptr; }
  /// Whether repetitions are to be guessed (SessionOptions).
  bool guesses() const noexcept { return guesses_ && has_all_logits(); }
  /// Whether a step can give logits to all of its tokens: that of a decoder alone.
  bool has_all_logits() const noexcept { return all_.has_value(); }
  exec::Team& team() noexcept { return team_; }
  ops::Isa isa() const noexcept { return isa_; }
  int64_t vocabulary() const noexcept { return vocabulary_; }
  /// The maximum number of tokens of a decoder's sequence.
  int64_t max_tokens() const noexcept {
    return has_encoder() ? model_.info().max_target_tokens : model_.info().max_tokens;
  }
  /// Cache::Sequence::is_long of a sequence that may have up to `tokens` tokens.
  bool is_long(int64_t tokens) const noexcept {
    return graphs_.trained_tokens > 0 && tokens > graphs_.trained_tokens;
  }
  Cache& cache() noexcept { return cache_; }

  /// What is generated at once.
  struct Load {
    int64_t sequences = 0;      ///< hypotheses
    int64_t tokens = 0;         ///< of each; an encoder's sources may have as many
    int64_t prompt_tokens = 0;  ///< of a decoder alone, in a step
    int64_t source_tokens = 0;  ///< in a batch of several sources
  };
  /// Allocates all that encode(), step() and the cache need for such a load, within the limit of
  /// the cache. kInvalidArgument for numbers below 1, kResourceExhausted if the system has no memory; may throw std::bad_alloc.
  Status reserve(const Load& load);
  /// Bytes that reserve() allocates in a new decoder; INT64_MAX if no machine has that much.
  int64_t memory_bytes(const Load& load) const noexcept;

  /// Runs the encoder over sources that passed check_batch() and must stay valid until the next
  /// call. kCancelled if `options` stopped it.
  Status encode(const RaggedBatch& sources, const RunOptions& options);

  /// One sequence of a step.
  struct Row {
    int32_t source = 0;               ///< of the last encode()
    std::span<const int32_t> tokens;  ///< the new ones, at least one
    const Cache::Sequence* sequence;  ///< of all its tokens, the new ones last
  };
  /// Processes the tokens of all rows and writes what later steps need of them to the cache.
  ///
  /// logits  which tokens get logits; kAll only if has_all_logits()
  Status step(std::span<const Row> rows, graph::LogitRows logits, const RunOptions& options);

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
  Status add_all_logits(const plan::ProgramOptions& options, ops::KvType type);
  struct Room;
  Room room_for(const Load& load) const noexcept;
  plan::RowCounts step_rows(int64_t tokens, int64_t sequences) const noexcept;
  template <typename Self, typename Visit>
  static void visit_arrays(Self& self, const Room& room, const Visit& visit);
  /// What an input of the step graph is bound to.
  struct StepInput {
    enum class Kind { kIds, kPositions, kIsLong, kSources, kCache, kMemory };
    Kind kind;
    size_t layer = 0;            // kCache
    graph::ValueId memory = -1;  // kMemory: a value of the encode graph
  };
  /// A program of steps, and what runs it.
  struct Steps {
    Steps(plan::Program steps, exec::Team& team)
        : program(std::make_unique<const plan::Program>(std::move(steps))),
          executor(std::make_unique<exec::Executor>(*program, team)) {}

    std::unique_ptr<const plan::Program> program;  // does not move
    std::unique_ptr<exec::Executor> executor;
    std::vector<StepInput> inputs;  // in the order of program->graph.inputs
  };
  std::vector<StepInput> step_inputs(const graph::Graph& step) const;
  const Steps& steps(graph::LogitRows logits) const noexcept {
    return logits == graph::LogitRows::kAll ? *all_ : last_;
  }
  void bind_rows(std::span<const Row> rows);
  exec::BatchBinding step_binding(const Steps& steps);
  exec::InputBinding binding_of(const StepInput& input) const;
  Status run(const plan::Program& program, exec::Executor& executor, int64_t rows,
             const RunOptions& options);
  double weight_bytes(const plan::Program& program) const;

  Model model_;
  const graph::DecodingGraphs graphs_;
  const plan::Program encode_;
  const ops::Isa isa_;
  const int64_t vocabulary_;
  exec::Team team_;
  std::unique_ptr<exec::Executor> encode_executor_;  // null if there is no encoder
  Steps last_;
  std::optional<Steps> all_;
  bool guesses_ = true;
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
  graph::LogitRows logits_ = graph::LogitRows::kLast;  // of the last step
  const size_t tokens_;                                // the row symbol of its new tokens
  std::vector<exec::InputBinding> inputs_;
  std::vector<int32_t> ids_;
  std::vector<int32_t> positions_;
  std::vector<int32_t> is_long_;
  std::vector<int32_t> sources_;
  std::vector<int32_t> offsets_;
  std::vector<const int32_t*> cache_slots_;
  std::vector<float* const*> cache_pages_;
  std::vector<int32_t> cache_lengths_;
  std::vector<const int32_t*> memory_rows_;
  std::vector<int32_t> memory_lengths_;
};

}  // namespace lanewise::decode
