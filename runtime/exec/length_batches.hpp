#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace lanewise::exec {

/// Sequences to run together: those at [begin, end) of the order by length.
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

/// The most that a batch has.
struct BatchLimits {
  int64_t tokens = 0;
  int64_t sequences = std::numeric_limits<int64_t>::max();  ///< at least 1
};

/// Cuts sequences of `lengths` into batches within `limits`; a longer sequence is a batch of its
/// own.
///
/// Longest first, so that working memory reaches its size with the first batch, and a team of
/// threads ends on small pieces. There is no padding to save: equal lengths in a batch only make
/// its attention an even load.
///
/// batches  out; its memory is reused.
void cut_by_length(std::span<const int32_t> lengths, const BatchLimits& limits,
                   LengthBatches& batches);

}  // namespace lanewise::exec
