#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "lanewise/session.hpp"
#include "runtime/exec/arena.hpp"
#include "runtime/plan/program.hpp"

namespace lanewise::exec {

/// One batch: how many rows each symbol stands for, how they belong to sequences, and where the
/// caller keeps the graph's i32 inputs.
struct BatchBinding {
  plan::RowCounts rows{};
  std::array<ops::RaggedRows, graph::kRowSymbols> ragged{};
  std::span<const int32_t* const> inputs;  ///< in the order of graph.inputs
};

/// When a step ran on a thread, in microseconds since the run began. end < begin: it did not.
struct Span {
  double begin_us = 0;
  double end_us = -1;
};

/// One node of the program, bound to a batch.
struct Step {
  const ops::Operator* op = nullptr;
  ops::Operands operands;
  std::vector<ops::Piece> pieces;
  alignas(64) std::atomic<size_t> next_piece{0};
};

/// Runs a program on batches: owns the working memory and the cut of the work.
///
/// prepare() gives every operand its address and lists the pieces of every step; run() lets the
/// team walk the steps and may be called again for the same batch. Neither allocates once the
/// largest batch was seen.
class Executor {
 public:
  /// `program` must outlive the executor.
  Executor(const plan::Program& program, int threads);

  /// Makes room for that many rows. kResourceExhausted when the system has no memory.
  Status reserve(const plan::RowCounts& rows);

  /// Binds `batch`, which must stay as it is until its last run(). Only a new shape is cut anew:
  /// with `new_shape` false the sequences must have the lengths of the last batch.
  Status prepare(const BatchBinding& batch, bool new_shape);

  /// kCancelled when `options` stopped it.
  Status run(const RunOptions& options);

  /// The memory of a value in the last batch.
  const ops::Operand& operand(graph::ValueId value) const {
    return operands_[static_cast<size_t>(value)];
  }

  void set_profiling(bool on);
  /// [threads][steps] of the last run; empty without profiling.
  std::span<const Span> spans() const { return spans_; }
  const Step& step(size_t index) const { return steps_[index]; }
  int threads() const { return threads_; }

 private:
  void bind(const BatchBinding& batch);

  const plan::Program& program_;
  const int threads_;
  Arena memory_;
  Arena scratch_;
  std::array<ops::RaggedRows, graph::kRowSymbols> ragged_{};
  std::vector<ops::Operand> operands_;  // by ValueId
  std::vector<ops::Operand> inputs_;    // of all steps, one after another
  std::vector<Step> steps_;
  std::vector<Span> spans_;
};

}  // namespace lanewise::exec
