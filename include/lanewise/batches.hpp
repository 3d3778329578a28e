#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "lanewise/export.hpp"
#include "lanewise/status.hpp"

/// Which sequences run together. Embedder, Generator and Translator batch by length themselves;
/// this is for programs that call Session::run_ragged() on more sequences than one batch should
/// hold.

namespace lanewise {

/// Sequences that run together: those at [begin, end) of LengthBatches::order.
struct LengthBatch {
  size_t begin = 0;
  size_t end = 0;
  int64_t tokens = 0;
};

/// Sequences in the order of their lengths, cut into batches.
struct LengthBatches {
  std::vector<int32_t> order;  ///< indices of sequences, longest first, equal ones as they came
  std::vector<LengthBatch> batches;
};

/// The most that a batch holds.
struct BatchLimits {
  int64_t tokens = 0;                                       ///< about 1000 suit a CPU
  int64_t sequences = std::numeric_limits<int64_t>::max();  ///< at least 1
};

/// Cuts sequences of `lengths` tokens into batches within `limits`. A sequence that is longer than
/// the limit is a batch of its own.
///
/// The longest come first, so that a Session's memory reaches its size with the first batch and the
/// last pieces of work, on which threads wait for each other, are small. The results of a sequence
/// do not depend on its batch.
///
/// Fails with kInvalidArgument for a length or a limit below 1. Thread-safe.
LANEWISE_EXPORT Result<LengthBatches> batch_by_length(std::span<const int32_t> lengths,
                                                      const BatchLimits& limits);

}  // namespace lanewise
