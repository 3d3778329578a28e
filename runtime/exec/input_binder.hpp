#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lanewise/session.hpp"
#include "runtime/exec/batch_binding.hpp"
#include "runtime/graph/model_inputs.hpp"

namespace lanewise::exec {

/// The only code that connects a caller's batch with the inputs of a graph. The mapping is
/// determined once, at construction.
///
/// A batch has sources, and targets if the graph has decoder_input_ids. Token types that the caller
/// omits are 0.
class InputBinder {
 public:
  /// `graph` must outlive it; its inputs are those of a model file (graph/model_inputs.hpp).
  explicit InputBinder(const graph::Graph& graph);

  /// Whether a batch must have targets, because the graph reads them.
  bool reads_targets() const noexcept { return reads_targets_; }

  /// Rows of each symbol in a batch. Targets that nothing reads do not count.
  plan::RowCounts row_counts(int64_t source_tokens, int64_t target_tokens,
                             int64_t sequences) const noexcept;

  /// Makes room for a batch of that size, so that bind() does not allocate.
  void reserve(int64_t tokens, int64_t sequences);
  /// Bytes that reserve() allocates in a new binder; INT64_MAX if no machine has that much.
  int64_t memory_bytes(int64_t tokens, int64_t sequences) const noexcept;

  /// The binding of `batch`, which has been checked (runtime/batch.hpp). Valid until the next call;
  /// the ids are not copied. If it throws, has_new_lengths() of the next call is meaningless.
  BatchBinding bind(const RaggedBatch& batch);

  /// Whether the sequences of the last bind() had other lengths than those before.
  bool has_new_lengths() const noexcept { return has_new_lengths_; }

 private:
  /// The sequences of one side of a batch.
  struct Sequences {
    std::vector<int32_t> lengths;
    std::vector<int32_t> offsets;

    void reserve(size_t sequences);
    /// Returns false if the lengths are unchanged.
    bool assign(std::span<const int32_t> from);
    /// Bytes that reserve() allocates.
    static int64_t memory_bytes(int64_t sequences) noexcept;
    ops::RaggedRows ragged() const noexcept;
  };

  /// Returns false if they are unchanged.
  bool assign_attended(std::span<const int32_t> attended);
  void make_zeros(size_t count);
  const int32_t* data_of(graph::ModelInput input, const RaggedBatch& batch) const noexcept;

  std::vector<graph::ModelInput> inputs_;  // in the order of graph.inputs
  bool reads_targets_;
  bool reads_types_;
  std::vector<InputBinding> bound_;  // in the same order
  Sequences sources_;
  Sequences targets_;
  std::vector<int32_t> attended_;  // of the sources; empty: all tokens
  std::vector<int32_t> zeros_;
  bool has_new_lengths_ = false;
};

}  // namespace lanewise::exec
