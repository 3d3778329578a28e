#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "lanewise/export.hpp"
#include "lanewise/status.hpp"

/// Batching by length, for programs that call Session::run_ragged() on more sequences than fit into
/// one batch. Embedder, Generator and Translator do this themselves.

namespace lanewise {

/// Sequences that run together: [begin, end) of LengthBatches::order.
struct LengthBatch {
  size_t begin = 0;
  size_t end = 0;
  int64_t tokens = 0;
};

/// Sequences sorted by length and divided into batches.
struct LengthBatches {
  std::vector<int32_t> order;  ///< indices of sequences, longest first; the sort is stable
  std::vector<LengthBatch> batches;
};

/// The maximum size of a batch.
struct BatchLimits {
  int64_t tokens = 0;                                       ///< about 1000 suits CPUs
  int64_t sequences = std::numeric_limits<int64_t>::max();  ///< at least 1
};

/// Divides sequences of `lengths` tokens into batches within `limits`. A sequence that exceeds the
/// limit is a batch of its own.
///
/// The longest come first, so that a Session's memory reaches its final size with the first batch,
/// and the last pieces of work, for which threads wait, are small. The results of a sequence do not
/// depend on its batch.
///
/// Fails with kInvalidArgument for a length or a limit below 1. Thread-safe.
LANEWISE_EXPORT Result<LengthBatches> batch_by_length(std::span<const int32_t> lengths,
                                                      const BatchLimits& limits);

}  // namespace lanewise
