#pragma once

#include <cstdint>

#include "runtime/exec/slices.hpp"
#include "runtime/plan/program.hpp"

namespace lanewise::exec {

/// The team and the slices for which batches are divided.
struct RoomSetup {
  int threads = 1;
  int64_t slice_rows = 0;  ///< rows of a slice; 0: batches are not divided into slices
};

/// The most memory that a program needs for batches of that many rows, in any division into
/// sequences. Memory reserved before the first run is therefore enough for all.
struct Room {
  int64_t work = 0;     ///< bytes
  int64_t results = 0;  ///< bytes
  int64_t scratch = 0;  ///< bytes
  int64_t pieces = 0;   ///< of all nodes, if the team processes the batch as a whole
  SliceLimits slices;
  int64_t slice_pieces = 0;  ///< of all slices and nodes
  int64_t slice_begins = 0;  ///< SlicePieces::begins

  /// `rows` are at most 2^31 - 1 of each symbol. What overflows is INT64_MAX.
  static Room of(const plan::Program& program, const plan::RowCounts& rows,
                 const RoomSetup& setup) noexcept;

  /// The total; INT64_MAX if no machine has that much.
  int64_t bytes() const noexcept;
};

/// The most pieces of a node, for a batch that is divided as `parts` batches.
int64_t most_pieces(const plan::Program& program, size_t node, const plan::RowCounts& rows,
                    int threads, int64_t parts = 1) noexcept;

/// Bytes between the scratch of two threads.
int64_t scratch_stride(const plan::Program& program) noexcept;

}  // namespace lanewise::exec
