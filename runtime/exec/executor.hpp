#pragma once

#include <atomic>
#include <span>
#include <vector>

#include "lanewise/session.hpp"
#include "runtime/exec/arena.hpp"
#include "runtime/exec/batch_binding.hpp"
#include "runtime/exec/bound_program.hpp"
#include "runtime/exec/room.hpp"
#include "runtime/exec/slice_loop.hpp"
#include "runtime/exec/slices.hpp"
#include "runtime/exec/span.hpp"
#include "runtime/exec/stop_signal.hpp"
#include "runtime/exec/team.hpp"
#include "runtime/plan/program.hpp"

namespace lanewise::exec {

/// One node of the program, divided into pieces for the team.
struct Step {
  const ops::Operator* op = nullptr;
  const ops::Operands* operands = nullptr;
  std::vector<ops::Piece> pieces;
  alignas(64) std::atomic<size_t> next_piece{0};
};

/// Runs a program on batches: owns the working memory and the division of the work.
///
/// prepare() binds every operand and divides the work, either into slices of the batch that each
/// thread takes through all nodes alone, or into pieces of every node that the team shares. run()
/// computes, and may be called again for the same batch. Neither allocates after reserve(), or
/// after the largest batch.
class Executor {
 public:
  /// Both must outlive the executor. Executors may share a team if their runs do not overlap.
  Executor(const plan::Program& program, Team& team);

  /// Makes room for batches of that many rows, in any division into sequences. kResourceExhausted
  /// if the system has no memory; may throw std::bad_alloc. After a failure the executor stays
  /// usable, but the last batch has to be prepared again.
  ///
  /// has_tables  they all have tables (BatchBinding), and so are not divided into slices
  Status reserve(const plan::RowCounts& rows, bool has_tables = false);
  /// Bytes that reserve() allocates in a new executor, without profiling; INT64_MAX if no machine
  /// has that much.
  int64_t memory_bytes(const plan::RowCounts& rows, bool has_tables = false) const noexcept;

  /// Binds `batch`, which must not change until its last run(). Only a new shape is divided anew:
  /// if `new_shape` is false, the sequences must have the lengths of the last batch.
  Status prepare(const BatchBinding& batch, bool new_shape);

  /// kCancelled if `options` stopped it.
  Status run(const RunOptions& options);

  /// The rows of a graph output after the last run, for the whole batch.
  const ops::Operand& result(graph::ValueId value) const { return whole_.value(value); }

  void set_profiling(bool on) noexcept;
  bool profiling() const noexcept { return profiling_; }
  /// [threads][nodes] of the last run; empty without profiling.
  std::span<const Span> spans() const { return spans_; }
  /// Operations of a node for the whole batch.
  double flops(size_t node) const;

  int threads() const { return team_.threads(); }
  /// The number of slices of the last batch; 0: the team processes it as a whole.
  size_t slices() const { return slices_.size(); }

 private:
  bool pieces_fit() const;
  Room room_of(const plan::RowCounts& rows, bool has_tables) const noexcept;
  int64_t slice_stride() const;
  void choose_slices(const BatchBinding& batch);
  void cut_for_team();
  void cut_slices();
  void run_by_nodes(StopSignal& stop);
  void run_by_slices(StopSignal& stop);

  const plan::Program& program_;
  Team& team_;
  const int64_t slice_rows_;
  Arena work_;
  Arena results_;
  Arena scratch_;
  BatchBinding batch_;
  BoundProgram whole_;
  std::vector<Step> steps_;

  Slices slices_;
  std::vector<BoundProgram> bound_slices_;  // by thread
  SlicePieces slice_pieces_;

  bool profiling_ = false;
  std::vector<Span> spans_;
};

}  // namespace lanewise::exec
