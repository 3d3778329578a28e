#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lanewise/session.hpp"
#include "runtime/exec/batch_binding.hpp"
#include "runtime/graph/model_inputs.hpp"

namespace lanewise::exec {

/// Connects a caller's batch with the inputs of a graph. Which input takes what is found once, when
/// it is made. The one place that does so.
///
/// A batch has sources, and targets too where the graph has decoder_input_ids. Token types that the
/// caller leaves out are 0.
class InputBinder {
 public:
  /// `graph` must outlive it; its inputs are those of a model file (graph/model_inputs.hpp).
  explicit InputBinder(const graph::Graph& graph);

  /// Whether a batch must have targets: whether anything in the graph reads them.
  bool reads_targets() const noexcept { return reads_targets_; }

  /// Rows of each symbol in a batch. Targets that nothing reads count as none.
  plan::RowCounts row_counts(int64_t source_tokens, int64_t target_tokens,
                             int64_t sequences) const noexcept;

  /// Makes room for a batch of that size: bind() will not allocate then.
  void reserve(int64_t tokens, int64_t sequences);
  /// Bytes that reserve() allocates in a new binder; INT64_MAX where no machine has as many.
  int64_t memory_bytes(int64_t tokens, int64_t sequences) const noexcept;

  /// The binding of `batch`, which was checked (runtime/batch.hpp). Valid until the next call; the
  /// ids stay the caller's. Where it throws, has_new_lengths() of the next call means nothing.
  BatchBinding bind(const RaggedBatch& batch);

  /// Whether the sequences of the last bind() had other lengths than those of the one before.
  bool has_new_lengths() const noexcept { return has_new_lengths_; }

 private:
  /// The sequences of one side of a batch.
  struct Sequences {
    std::vector<int32_t> lengths;
    std::vector<int32_t> offsets;

    void reserve(size_t sequences);
    /// False where these are the lengths already.
    bool assign(std::span<const int32_t> from);
    /// What reserve() allocates.
    static int64_t memory_bytes(int64_t sequences) noexcept;
    ops::RaggedRows ragged() const noexcept;
  };

  void make_zeros(size_t count);
  const int32_t* data_of(graph::ModelInput input, const RaggedBatch& batch) const noexcept;

  std::vector<graph::ModelInput> inputs_;  // in the order of graph.inputs
  bool reads_targets_;
  bool reads_types_;
  std::vector<InputBinding> bound_;  // in the same order
  Sequences sources_;
  Sequences targets_;
  std::vector<int32_t> zeros_;
  bool has_new_lengths_ = false;
};

}  // namespace lanewise::exec
