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

struct SessionOptions {
  /// Threads of a run; 0: the CPUs that the process may use (affinity and cgroup).
  int threads = 0;
  /// Runs on the threads of OpenMP's pool for the calling thread instead of the session's own: for
  /// a program that computes with OpenMP itself, and would otherwise have two teams. OpenMP's
  /// settings then limit the threads. GNU's OpenMP ends the process when it cannot start a thread;
  /// in a forked process a run has one thread.
  bool use_openmp = false;
  /// An instruction set of available_isas(); empty: LANEWISE_ISA, else the best one.
  std::string isa;
  /// Allows implementations whose results for a row depend on the rest of the batch (oneDNN).
  bool fast = false;
  /// Outputs to compute; empty: all. Less is faster where an output needs nodes of its own.
  std::vector<std::string> outputs;
  /// Receives one line per choice of an implementation, with its reasons; may be empty.
  std::function<void(std::string_view)> log;
};

struct RunOptions {
  /// Looked at between pieces of work; the run ends with kCancelled soon after it becomes true.
  const std::atomic<bool>* cancel = nullptr;
  /// The run ends with kCancelled soon after this moment.
  std::optional<std::chrono::steady_clock::time_point> deadline{};
};

/// Sequences of token ids one after another, without padding.
struct RaggedBatch {
  std::span<const int32_t> ids;       ///< [tokens]
  std::span<const int32_t> type_ids;  ///< [tokens], or empty: zeros
  std::span<const int32_t> lengths;   ///< [sequences], each >= 1, sum = tokens
  /// What the decoder of an encoder-decoder is given, likewise, for as many sequences.
  std::span<const int32_t> decoder_ids{};
  std::span<const int32_t> decoder_lengths{};
};

/// One caller's working memory and threads for a model.
///
/// Runs of one Session must not overlap; make a Session per thread, they share the Model. After
/// reserve(), or after the largest batch was seen once, run_ragged() allocates nothing.
///
/// Its threads begin with it and end with it. It works with fewer where the system gives fewer,
/// with the same results. A forked process may use its copy, unless a run was going on at the fork:
/// the next run starts threads there.
class LANEWISE_EXPORT Session {
 public:
  /// Fails with kInvalidArgument for an unknown or unavailable instruction set, with kNotFound for
  /// an unknown output.
  static Result<Session> create(const Model& model, const SessionOptions& options = {});

  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  /// Runs padded tensors by Transformers' names.
  ///
  /// In: `input_ids` [B, T] i32 or i64; optional `attention_mask` [B, T] of 0 and 1, whose zeros
  /// stand at the ends of a row; optional `token_type_ids` [B, T]. An encoder-decoder also takes
  /// `decoder_input_ids` [B, U], beginning with its start token, and optional
  /// `decoder_attention_mask` [B, U], unless the outputs asked for need no decoder. Out, f32, zeros
  /// at padded positions: per-token outputs [B, T or U, features], per-sequence ones
  /// [B, features]. Positions count the real tokens of a row from 0, wherever its padding stands.
  /// Fails with kInvalidArgument, naming the tensor: unknown or missing inputs, wrong types or
  /// shapes, ids outside the vocabulary, an empty batch, a row without a token, with a hole in its
  /// mask or longer than the model allows.
  Result<TensorMap> run(const TensorMap& inputs, const RunOptions& options = {});

  /// Runs a ragged batch; output() then shows the results until the next run.
  /// Fails as run() does.
  Status run_ragged(const RaggedBatch& batch, const RunOptions& options = {});

  /// The rows of an output of the last successful run_ragged(): [tokens or sequences, features],
  /// `stride` floats between rows.
  struct Rows {
    const float* data = nullptr;
    int64_t rows = 0;
    int64_t features = 0;
    int64_t stride = 0;
  };
  Result<Rows> output(std::string_view name) const;

  /// Allocates for batches of up to `tokens` tokens in `sequences` sequences; an encoder-decoder
  /// for as many on each side. Fails with kInvalidArgument for a negative number, and with
  /// kResourceExhausted, the session staying usable, where there is no memory for them.
  Status reserve(int64_t tokens, int64_t sequences);

  /// Bytes that reserve() allocates in a new session for such a batch, and all that its runs use;
  /// INT64_MAX where no machine has as many.
  int64_t memory_bytes(int64_t tokens, int64_t sequences) const noexcept;

  int threads() const noexcept;
  std::string_view isa() const noexcept;

  /// How long each node took in a run.
  struct NodeTime {
    std::string_view name;
    std::string_view op;
    std::string_view implementation;
    int thread = 0;
    double begin_us = 0;  ///< since the run began
    double end_us = 0;
    double flops = 0;  ///< of the whole node
  };
  /// Keeps the times of the runs from now on; costs a clock in every node.
  void set_profiling(bool on) noexcept;
  /// The times of the last run, valid until the next one; empty without profiling.
  std::span<const NodeTime> profile() const noexcept;

 private:
  class Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The instruction sets that this build has and this CPU can run, worst first.
LANEWISE_EXPORT std::span<const std::string_view> available_isas() noexcept;
/// All that this build has, worst first.
LANEWISE_EXPORT std::span<const std::string_view> compiled_isas() noexcept;
/// The CPUs that this process may use: affinity and cgroup quota.
LANEWISE_EXPORT int available_cpus() noexcept;

}  // namespace lanewise
