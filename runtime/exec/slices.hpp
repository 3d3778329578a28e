#pragma once

#include <vector>

#include "runtime/exec/batch_binding.hpp"

namespace lanewise::exec {

/// Limits on the data that Slices keep of a batch.
struct SliceLimits {
  int64_t slices = 0;
  int64_t offsets = 0;
  int64_t clocks = 0;

  /// INT64_MAX if no machine has that much.
  int64_t bytes() const noexcept;
};

/// A batch divided into slices of whole sequences.
///
/// A thread that takes a slice through all nodes keeps its activations in its own cache and never
/// waits. A team that processes a batch node by node shares single long sequences, but passes
/// megabytes of activations through the caches at every node. (MiniLM, 8 x 128 tokens, one thread
/// of a Zen 4: 80 % of the FMA peak by nodes, 90 % by slices.)
class Slices {
 public:
  /// Divides `batch`, whose ragged offsets must stay valid while the slices are used, into slices
  /// of about `rows` tokens, including those of an encoder's memory, for `threads` threads. Makes
  /// none if the team would finish earlier: if the batch is small, or if the slices cannot keep all
  /// threads busy.
  void cut(const BatchBinding& batch, int64_t rows, int threads);
  void clear() { slices_.clear(); }

  /// The limits for batches of up to that many rows.
  static SliceLimits limits(const plan::RowCounts& batch, int64_t rows, int threads) noexcept;
  /// Makes room within `limits`: cut() then allocates nothing.
  void reserve(const SliceLimits& limits);

  bool empty() const { return slices_.empty(); }
  size_t size() const { return slices_.size(); }
  const Slice& operator[](size_t i) const { return slices_[i]; }
  /// The most rows of each symbol.
  plan::RowCounts most_rows() const;

 private:
  bool keep_busy(int64_t tokens, int threads);
  void add(const BatchBinding& batch, int64_t begin, int64_t end);

  std::vector<Slice> slices_;
  std::vector<int32_t> offsets_;  // of all slices, from 0 in each
  std::vector<int64_t> clocks_;
};

}  // namespace lanewise::exec
