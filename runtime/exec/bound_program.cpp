#include "runtime/exec/bound_program.hpp"

namespace lanewise::exec {
namespace {

size_t count_inputs(const graph::Graph& graph) {
  size_t count = 0;
  for (const graph::Node& node : graph.nodes) count += node.inputs.size();
  return count;
}

}  // namespace

BoundProgram::BoundProgram(const plan::Program& program)
    : program_(program),
      values_(program.graph.values.size()),
      inputs_(count_inputs(program.graph)),
      nodes_(program.graph.nodes.size()) {
  size_t first = 0;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const size_t inputs = program.graph.nodes[i].inputs.size();
    nodes_[i].inputs = std::span(inputs_).subspan(first, inputs);
    first += inputs;
  }
}

void BoundProgram::bind(const BatchBinding& batch, const Slice& slice,
                        const RunMemory& memory) noexcept {
  const graph::Graph& graph = program_.graph;
  const auto work = program_.memory.work.offsets(slice.rows);
  const auto results = program_.memory.results.offsets(batch.rows);
  ragged_ = slice.ragged;
  tables_ = batch.tables;
  for (size_t i = 0; i < values_.size(); ++i) {
    const graph::Value& value = graph.values[i];
    const auto symbol = static_cast<size_t>(value.rows);
    const plan::Placement& place = program_.memory.values[i];
    ops::Operand& operand = values_[i];
    operand.rows = slice.rows[symbol];
    operand.features = value.features;
    operand.stride = place.stride;
    operand.ragged = &ragged_[symbol];
    operand.tables = &tables_[symbol];
    if (place.result) {
      const int64_t row_bytes = place.stride * static_cast<int64_t>(size_of(value.type));
      operand.data = memory.results + results[symbol] + place.offset_per_row * batch.rows[symbol] +
                     slice.first[symbol] * row_bytes;
    } else if (place.offset_per_row >= 0) {  // otherwise an input, bound below
      operand.data = memory.work + work[symbol] + place.offset_per_row * operand.rows;
    }
  }
  for (size_t i = 0; i < graph.inputs.size(); ++i) {
    ops::Operand& operand = values_[static_cast<size_t>(graph.inputs[i])];
    const graph::Value& value = graph.values[static_cast<size_t>(graph.inputs[i])];
    const InputBinding& input = batch.inputs[i];
    operand.stride = input.stride;
    const int64_t row_bytes = input.stride * static_cast<int64_t>(size_of(value.type));
    operand.data = static_cast<std::byte*>(const_cast<void*>(input.data)) +
                   slice.first[static_cast<size_t>(value.rows)] * row_bytes;
  }
  size_t next = 0;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    for (const graph::ValueId input : graph.nodes[i].inputs) inputs_[next++] = value(input);
    nodes_[i].output = value(graph.nodes[i].output);
  }
}

}  // namespace lanewise::exec
