#include "runtime/exec/executor.hpp"

#include "ops/status_macros.hpp"
#include "runtime/exec/run_loop.hpp"

namespace lanewise::exec {
namespace {

constexpr size_t kAlignment = 64;

size_t round_up(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

size_t count_inputs(const graph::Graph& graph) {
  size_t count = 0;
  for (const graph::Node& node : graph.nodes) count += node.inputs.size();
  return count;
}

}  // namespace

Executor::Executor(const plan::Program& program, int threads)
    : program_(program),
      threads_(threads),
      operands_(program.graph.values.size()),
      inputs_(count_inputs(program.graph)),
      steps_(program.graph.nodes.size()) {
  size_t first = 0;
  for (size_t i = 0; i < steps_.size(); ++i) {
    const size_t inputs = program.graph.nodes[i].inputs.size();
    steps_[i].op = program.operators[i].get();
    steps_[i].operands.inputs = std::span(inputs_).subspan(first, inputs);
    first += inputs;
  }
}

Status Executor::reserve(const plan::RowCounts& rows) {
  const auto scratch = static_cast<int64_t>(round_up(program_.scratch_bytes)) * threads_;
  const int64_t bytes = program_.memory.total_bytes(rows);
  if (memory_.reserve(bytes) && scratch_.reserve(scratch)) return {};
  return resource_exhausted("no memory for the run: " + std::to_string(bytes + scratch) +
                            " bytes for " + std::to_string(rows[0]) + " tokens");
}

Status Executor::prepare(const BatchBinding& batch, bool new_shape) {
  LW_RETURN_IF_ERROR(reserve(batch.rows));
  bind(batch);
  if (!new_shape) return {};
  for (Step& step : steps_) {
    step.pieces.clear();
    step.op->cut(step.operands, threads_, step.pieces);
  }
  return {};
}

void Executor::bind(const BatchBinding& batch) {
  const graph::Graph& graph = program_.graph;
  const auto regions = program_.memory.region_offsets(batch.rows);
  ragged_ = batch.ragged;
  for (size_t i = 0; i < operands_.size(); ++i) {
    const graph::Value& value = graph.values[i];
    const auto symbol = static_cast<size_t>(value.rows);
    const plan::Placement& place = program_.memory.values[i];
    ops::Operand& operand = operands_[i];
    operand.rows = batch.rows[symbol];
    operand.features = value.features;
    operand.stride = place.stride;
    operand.ragged = &ragged_[symbol];
    operand.data = memory_.data() + regions[symbol] + place.offset_per_row * operand.rows;
  }
  for (size_t i = 0; i < graph.inputs.size(); ++i) {
    operands_[static_cast<size_t>(graph.inputs[i])].data = const_cast<int32_t*>(batch.inputs[i]);
  }
  size_t next = 0;
  for (size_t i = 0; i < steps_.size(); ++i) {
    for (const graph::ValueId input : graph.nodes[i].inputs) {
      inputs_[next++] = operands_[static_cast<size_t>(input)];
    }
    steps_[i].operands.output = operands_[static_cast<size_t>(graph.nodes[i].output)];
  }
}

Status Executor::run(const RunOptions& options) {
  for (Step& step : steps_) step.next_piece.store(0, std::memory_order_relaxed);
  RunLoop loop({.steps = steps_,
                .spans = spans_,
                .scratch = scratch_.data(),
                .scratch_stride = round_up(program_.scratch_bytes),
                .threads = threads_},
               options);
  run_team(threads_, loop);
  if (loop.stopped()) return cancelled("the run was cancelled or its deadline passed");
  return {};
}

void Executor::set_profiling(bool on) {
  spans_.assign(on ? static_cast<size_t>(threads_) * steps_.size() : 0, Span{});
}

}  // namespace lanewise::exec
