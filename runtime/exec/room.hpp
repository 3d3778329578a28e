#pragma once

#include <cstdint>

#include "runtime/exec/slices.hpp"
#include "runtime/plan/program.hpp"

namespace lanewise::exec {

/// The team and the slices that batches are cut for.
struct RoomSetup {
  int threads = 1;
  int64_t slice_rows = 0;  ///< of a slice; 0: no batch is cut into slices
};

/// The room that a program needs at most for batches of so many rows, however these belong to
/// sequences. So memory that is taken before the first run is enough for all of them.
struct Room {
  int64_t work = 0;     ///< bytes
  int64_t results = 0;  ///< bytes
  int64_t scratch = 0;  ///< bytes
  int64_t pieces = 0;   ///< of all nodes, where the team works on the batch as a whole
  SliceLimits slices;
  int64_t slice_pieces = 0;  ///< of all slices and nodes
  int64_t slice_begins = 0;  ///< SlicePieces::begins

  /// `rows` are at most 2^31 - 1 of a kind. What does not fit is INT64_MAX.
  static Room of(const plan::Program& program, const plan::RowCounts& rows,
                 const RoomSetup& setup) noexcept;

  /// Of all; INT64_MAX where no machine has as many.
  int64_t bytes() const noexcept;
};

/// The most pieces of a node, for a batch that is cut as `parts` batches.
int64_t most_pieces(const plan::Program& program, size_t node, const plan::RowCounts& rows,
                    int threads, int64_t parts = 1) noexcept;

/// Bytes between the threads' scratch.
int64_t scratch_stride(const plan::Program& program) noexcept;

}  // namespace lanewise::exec
