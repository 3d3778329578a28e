#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/export.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"
#include "lanewise/tensor.hpp"

namespace lanewise {

/// Runs `task` on threads of the host: calls it `count` times, on any threads, also the calling one,
/// and returns when all calls have returned. Each call takes part in the work until none is left, so
/// threads need not be free at the same time, and one call is enough. Must not throw. `task` does
/// not throw, and must not be called later.
using HostThreads = std::function<void(int count, const std::function<void()>& task)>;

/// How a decoder keeps the keys and values of earlier tokens. Types other than kF32 take less memory
/// and round them; attention computes in f32 either way.
enum class CacheType {
  kF32,
  kBf16,  ///< half of the memory
  kInt8,  ///< about a quarter: 8 bits, with a scale for each token's key or value of a head
};

struct SessionOptions {
  /// Number of threads; 0: the CPUs that the process may use (affinity and cgroup).
  int threads = 0;
  /// Runs on the calling thread's OpenMP pool instead of the session's own threads. For programs
  /// that use OpenMP themselves and would otherwise have two sets of threads. OpenMP's settings
  /// then limit the number of threads; GNU's OpenMP terminates the process if it cannot start one,
  /// and in a forked process runs are single-threaded.
  bool use_openmp = false;
  /// Runs on these threads instead of the session's own, for programs that have a pool. The session
  /// then starts no thread. With `threads` = 1 it is not called.
  HostThreads host_threads{};
  /// One of available_isas(). Empty: the environment variable LANEWISE_ISA, or else the best one.
  std::string isa;
  /// Allows implementations whose results for a row depend on the rest of the batch (oneDNN).
  bool fast = false;
  /// Generator and Engine: the most bytes of keys and values; 0: no limit. Sources wait until there
  /// is room for all tokens that they may need.
  int64_t cache_bytes = 0;
  /// Generator, Engine and Scorer: the type of keys and values. A text's results do not depend on
  /// the rest of the batch, whatever it is.
  CacheType cache_type = CacheType::kF32;
  /// Generator and Engine: takes over what earlier texts with the same beginning have computed.
  /// Results do not depend on it.
  bool reuse_prefixes = true;
  /// Generator and Engine: computes tokens that repeat earlier ones of the text together with the
  /// next token, if few texts share a step. Results do not depend on it.
  bool guess_repetitions = true;
  /// Outputs to compute; empty: all. Leaving out an output saves the nodes that only it needs.
  std::vector<std::string> outputs;
  /// Receives one line for each implementation chosen, with the reasons; may be empty.
  std::function<void(std::string_view)> log;
};

struct RunOptions {
  /// Checked during the run, which ends with kCancelled soon after it becomes true.
  const std::atomic<bool>* cancel = nullptr;
  /// The run ends with kCancelled soon after this time.
  std::optional<std::chrono::steady_clock::time_point> deadline{};
};

/// Sequences of token ids, concatenated without padding.
struct RaggedBatch {
  std::span<const int32_t> ids;       ///< [tokens]
  std::span<const int32_t> type_ids;  ///< [tokens]; empty: all zero
  std::span<const int32_t> lengths;   ///< [sequences], each >= 1, sum = tokens
  /// [sequences]: only so many tokens at the beginning of each are attended to, >= 1; empty: all.
  /// The others attend to these too, as those where the attention_mask of Transformers is 0. For
  /// encoders whose attention is not causal.
  std::span<const int32_t> attended{};
  /// The decoder's input in the same form, for the same number of sequences. Encoder-decoders only.
  std::span<const int32_t> decoder_ids{};
  std::span<const int32_t> decoder_lengths{};
};

/// Runs a model. Holds the working memory and threads of one caller.
///
/// Not thread-safe: use one Session per thread; they share the Model. run_ragged() allocates
/// nothing after reserve(), or once the largest batch has been run. The exception is oneDNN, which
/// allocates and frees in every run: it multiplies int8 on CPUs with AMX, and with
/// SessionOptions::fast. If it gets no memory, our own kernels take over.
///
/// A Session owns its threads. If the system refuses to start some of them it runs with fewer, with
/// the same results. A forked process may use its copy of a Session unless a run was in progress
/// during the fork; its next run starts new threads.
class LANEWISE_EXPORT Session {
 public:
  /// Fails with kInvalidArgument if the instruction set is unknown or this CPU lacks it, with
  /// kNotFound if the model has no such output.
  static Result<Session> create(const Model& model, const SessionOptions& options = {});

  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  /// Runs the model on padded tensors with the names that Transformers uses.
  ///
  /// Inputs, i32 or i64:
  ///
  ///   input_ids               [B, T]
  ///   attention_mask          [B, T], optional: 1 for tokens, 0 for padding at the ends of a row
  ///   token_type_ids          [B, T], optional
  ///   decoder_input_ids       [B, U], beginning with the start token; encoder-decoders only, and
  ///                           only if an output needs the decoder
  ///   decoder_attention_mask  [B, U], optional
  ///
  /// Outputs, f32, zero at padding: [B, T or U, features] per token, [B, features] per sequence;
  /// start_logits and end_logits, which have one number per token, [B, T].
  /// Positions count the tokens of a row from 0, wherever its padding is.
  ///
  /// Fails with kInvalidArgument if an input is unknown, missing or has the wrong type or shape; if
  /// an id is outside the vocabulary; if the batch is empty; if a row has no token, is longer than
  /// the model allows, or has a zero between ones in its mask. The message names the tensor.
  Result<TensorMap> run(const TensorMap& inputs, const RunOptions& options = {});

  /// Runs a ragged batch. output() returns the results, which are valid until the next run.
  /// Fails as run() does.
  Status run_ragged(const RaggedBatch& batch, const RunOptions& options = {});

  /// One output of the last successful run_ragged(): [tokens or sequences, features], row-major,
  /// rows `stride` floats apart.
  struct Rows {
    const float* data = nullptr;
    int64_t rows = 0;
    int64_t features = 0;
    int64_t stride = 0;
  };
  Result<Rows> output(std::string_view name) const;

  /// Allocates working memory for batches of up to `tokens` tokens in `sequences` sequences. For an
  /// encoder-decoder, encoder and decoder may each have as many. Fails with kInvalidArgument for a
  /// negative number, and with kResourceExhausted if memory runs out; the session stays usable.
  Status reserve(int64_t tokens, int64_t sequences);

  /// Bytes that reserve() allocates in a new session for such a batch, which is all that its runs
  /// use beside oneDNN; INT64_MAX if no machine has that much memory.
  int64_t memory_bytes(int64_t tokens, int64_t sequences) const noexcept;

  int threads() const noexcept;
  std::string_view isa() const noexcept;

  /// The time during which a thread computed a node of the graph in the last run.
  struct NodeTime {
    std::string_view name;
    std::string_view op;
    std::string_view implementation;
    int thread = 0;
    double begin_us = 0;  ///< since the run began
    double end_us = 0;
    double flops = 0;  ///< of the whole node
  };
  /// Turns the recording of NodeTimes in the following runs on or off.
  void set_profiling(bool on) noexcept;
  /// The times of the last run, valid until the next one; empty without profiling.
  std::span<const NodeTime> profile() const noexcept;

 private:
  class Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The instruction sets that this build supports and this CPU has, slowest first.
LANEWISE_EXPORT std::span<const std::string_view> available_isas() noexcept;
/// All instruction sets that this build supports, slowest first.
LANEWISE_EXPORT std::span<const std::string_view> compiled_isas() noexcept;
/// The number of CPUs that this process may use, by affinity and cgroup quota.
LANEWISE_EXPORT int available_cpus() noexcept;

}  // namespace lanewise
