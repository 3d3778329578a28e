#include "runtime/exec/executor.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/dcheck.hpp"
#include "base/saturating.hpp"
#include "base/status_macros.hpp"
#include "ops/cache_sizes.hpp"
#include "runtime/exec/run_loop.hpp"
#include "runtime/exec/slice_loop.hpp"

namespace lanewise::exec {
namespace {

constexpr int64_t kAlignment = 64;

int64_t round_up(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

/// Rows whose working memory fits in the second-level cache, within limits: with fewer, reading the
/// weights dominates; more gain nothing.
int64_t rows_of_slice(const plan::Program& program) {
  constexpr int64_t kFewest = 96;
  constexpr int64_t kMost = 192;
  const auto& bytes_per_row = program.memory.work.bytes_per_row;
  const int64_t row =
      std::max<int64_t>(*std::max_element(bytes_per_row.begin(), bytes_per_row.end()), 1);
  return std::clamp(static_cast<int64_t>(ops::cache_sizes().l2) / row, kFewest, kMost);
}

int64_t all_rows(const plan::RowCounts& rows) {
  return std::accumulate(rows.begin(), rows.end(), int64_t{0}, base::add_or_max);
}

/// Pieces count rows in 32 bits.
bool fits_pieces(const plan::RowCounts& rows) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  return std::all_of(rows.begin(), rows.end(), [](int64_t count) { return count <= kMost; });
}

Slice whole_of(const BatchBinding& batch) { return {.rows = batch.rows, .ragged = batch.ragged}; }

}  // namespace

Executor::Executor(const plan::Program& program, Team& team)
    : program_(program),
      team_(team),
      slice_rows_(rows_of_slice(program)),
      whole_(program),
      steps_(program.operators.size()) {
  bound_slices_.reserve(static_cast<size_t>(threads()));
  for (int i = 0; i < threads(); ++i) bound_slices_.emplace_back(program);
  for (size_t i = 0; i < steps_.size(); ++i) {
    steps_[i].op = program.operators[i].get();
    steps_[i].operands = &whole_.node(i);
  }
}

Room Executor::room_of(const plan::RowCounts& rows, bool has_tables) const noexcept {
  return Room::of(program_, rows,
                  {.threads = threads(), .slice_rows = has_tables ? 0 : slice_rows_});
}

int64_t Executor::memory_bytes(const plan::RowCounts& rows, bool has_tables) const noexcept {
  if (!fits_pieces(rows)) return std::numeric_limits<int64_t>::max();
  return room_of(rows, has_tables).bytes();
}

Status Executor::reserve(const plan::RowCounts& rows, bool has_tables) {
  if (!fits_pieces(rows)) {
    return resource_exhausted("a batch of " + std::to_string(all_rows(rows)) +
                              " rows: at most 2147483647 of a kind");
  }
  const Room room = room_of(rows, has_tables);
  if (!work_.reserve(room.work) || !results_.reserve(room.results) ||
      !scratch_.reserve(room.scratch)) {
    return resource_exhausted("no memory for the run: " + std::to_string(room.bytes()) +
                              " bytes for " + std::to_string(all_rows(rows)) + " rows");
  }
  for (size_t i = 0; i < steps_.size(); ++i) {
    const int64_t pieces = most_pieces(program_, i, rows, threads());
    steps_[i].pieces.reserve(static_cast<size_t>(pieces));
  }
  slices_.reserve(room.slices);
  slice_pieces_.pieces.reserve(static_cast<size_t>(room.slice_pieces));
  slice_pieces_.begins.reserve(static_cast<size_t>(room.slice_begins));
  if (profiling_ && spans_.empty()) spans_.resize(static_cast<size_t>(threads()) * steps_.size());
  return {};
}

Status Executor::prepare(const BatchBinding& batch, bool new_shape) {
  LW_RETURN_IF_ERROR(reserve(batch.rows, batch.has_tables()));
  if (new_shape) choose_slices(batch);
  batch_ = batch;
  whole_.bind(batch, whole_of(batch), {work_.data(), results_.data()});
  if (!new_shape) return {};
  if (slices_.empty()) {
    cut_for_team();
  } else {
    cut_slices();
  }
  return {};
}

/// Bytes of working memory for each thread that works on slices.
int64_t Executor::slice_stride() const {
  return round_up(program_.memory.work.total_bytes(slices_.most_rows()));
}

void Executor::choose_slices(const BatchBinding& batch) {
  slices_.cut(batch, slice_rows_, threads());
  // reserve() provided what the batch needs as a whole; slices must not need more.
  const int64_t bytes = slice_stride() * threads();
  if (bytes > program_.memory.work.total_bytes(batch.rows)) slices_.clear();
}

void Executor::cut_for_team() {
  for (Step& step : steps_) {
    step.pieces.clear();
    step.op->cut(*step.operands, threads(), step.pieces);
  }
  LW_DCHECK(pieces_fit());
}

void Executor::cut_slices() {
  std::vector<ops::Piece>& pieces = slice_pieces_.pieces;
  pieces.clear();
  slice_pieces_.begins.assign(1, 0);
  BoundProgram& bound = bound_slices_.front();
  for (size_t slice = 0; slice < slices_.size(); ++slice) {
    bound.bind(batch_, slices_[slice], {work_.data(), results_.data()});
    for (size_t i = 0; i < program_.operators.size(); ++i) {
      program_.operators[i]->cut(bound.node(i), 1, pieces);
      slice_pieces_.begins.push_back(pieces.size());
    }
  }
}

/// Whether the pieces are within the operators' limits.
bool Executor::pieces_fit() const {
  for (size_t i = 0; i < steps_.size(); ++i) {
    const int64_t most = most_pieces(program_, i, batch_.rows, threads());
    if (static_cast<int64_t>(steps_[i].pieces.size()) > most) return false;
  }
  return true;
}

Status Executor::run(const RunOptions& options) {
  // The batch may have been prepared before profiling was enabled, and some threads may not come.
  if (profiling_) spans_.assign(static_cast<size_t>(threads()) * steps_.size(), Span());
  StopSignal stop(options);
  if (slices_.empty()) {
    run_by_nodes(stop);
  } else {
    run_by_slices(stop);
  }
  if (stop.stopped()) return cancelled("the run was cancelled or its deadline passed");
  return {};
}

void Executor::run_by_nodes(StopSignal& stop) {
  for (Step& step : steps_) step.next_piece.store(0, std::memory_order_relaxed);
  RunLoop loop({.steps = steps_,
                .spans = spans_,
                .scratch = scratch_.data(),
                .scratch_stride = static_cast<size_t>(scratch_stride(program_))},
               stop);
  team_.run(loop);
}

void Executor::run_by_slices(StopSignal& stop) {
  SliceLoop loop({.program = program_,
                  .batch = batch_,
                  .slices = slices_,
                  .pieces = slice_pieces_,
                  .bound = bound_slices_,
                  .spans = spans_,
                  .memory = {work_.data(), results_.data()},
                  .work_stride = slice_stride(),
                  .scratch = scratch_.data(),
                  .scratch_stride = static_cast<size_t>(scratch_stride(program_))},
                 stop);
  team_.run(loop);
}

double Executor::flops(size_t node) const {
  return program_.operators[node]->flops(whole_.node(node));
}

void Executor::set_profiling(bool on) noexcept {
  profiling_ = on;
  if (!on) spans_.clear();
}

}  // namespace lanewise::exec
