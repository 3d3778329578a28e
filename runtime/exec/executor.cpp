#include "runtime/exec/executor.hpp"

#include <algorithm>
#include <numeric>

#include "base/status_macros.hpp"
#include "ops/cache_sizes.hpp"
#include "runtime/exec/run_loop.hpp"
#include "runtime/exec/slice_loop.hpp"

namespace lanewise::exec {
namespace {

constexpr int64_t kAlignment = 64;

int64_t round_up(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

int64_t scratch_stride(const plan::Program& program) {
  return round_up(static_cast<int64_t>(program.scratch_bytes));
}

/// Rows whose working memory fits in the second-level cache, within limits: fewer would read the
/// weights too often for the arithmetic on them, more gain nothing.
int64_t rows_of_slice(const plan::Program& program) {
  constexpr int64_t kFewest = 96;
  constexpr int64_t kMost = 192;
  const auto& bytes_per_row = program.memory.work.bytes_per_row;
  const int64_t row =
      std::max<int64_t>(*std::max_element(bytes_per_row.begin(), bytes_per_row.end()), 1);
  return std::clamp(static_cast<int64_t>(ops::cache_sizes().l2) / row, kFewest, kMost);
}

int64_t all_rows(const plan::RowCounts& rows) {
  return std::accumulate(rows.begin(), rows.end(), int64_t{0});
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

Status Executor::reserve(const plan::RowCounts& rows) {
  const int64_t scratch = scratch_stride(program_) * threads();
  const int64_t work = program_.memory.work.total_bytes(rows);
  const int64_t results = program_.memory.results.total_bytes(rows);
  if (work_.reserve(work) && results_.reserve(results) && scratch_.reserve(scratch)) return {};
  return resource_exhausted("no memory for the run: " + std::to_string(work + results + scratch) +
                            " bytes for " + std::to_string(all_rows(rows)) + " rows");
}

Status Executor::prepare(const BatchBinding& batch, bool new_shape) {
  if (new_shape) choose_slices(batch);
  LW_RETURN_IF_ERROR(reserve(batch.rows));
  batch_ = batch;
  whole_.bind(batch, whole_of(batch), {work_.data(), results_.data()});
  if (!new_shape) return {};
  const bool largest = all_rows(batch.rows) > most_rows_;
  most_rows_ = std::max(most_rows_, all_rows(batch.rows));
  // The largest batch makes room for the pieces of smaller ones, which the team may share.
  if (slices_.empty() || largest) cut_for_team();
  if (!slices_.empty()) cut_slices();
  return {};
}

/// Bytes of working memory for each thread that works on slices.
int64_t Executor::slice_stride() const {
  return round_up(program_.memory.work.total_bytes(slices_.most_rows()));
}

void Executor::choose_slices(const BatchBinding& batch) {
  slices_.cut(batch, slice_rows_, threads());
  // reserve() promised what the batch needs as a whole, and so much must do.
  const int64_t bytes = slice_stride() * threads();
  if (bytes > program_.memory.work.total_bytes(batch.rows)) slices_.clear();
}

void Executor::cut_for_team() {
  for (Step& step : steps_) {
    step.pieces.clear();
    step.op->cut(*step.operands, threads(), step.pieces);
  }
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

Status Executor::run(const RunOptions& options) {
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

void Executor::set_profiling(bool on) {
  spans_.assign(on ? static_cast<size_t>(threads()) * steps_.size() : 0, Span{});
}

}  // namespace lanewise::exec
