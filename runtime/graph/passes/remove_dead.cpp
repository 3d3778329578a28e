#include "runtime/graph/passes/passes.hpp"

namespace lanewise::graph {
namespace {

/// The values that outputs depend on, including the outputs.
std::vector<bool> needed_values(const Graph& graph) {
  std::vector<bool> needed(graph.values.size());
  for (const auto& [name, id] : graph.outputs) needed[static_cast<size_t>(id)] = true;
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    if (!needed[static_cast<size_t>(node->output)]) continue;
    for (const ValueId id : node->inputs) needed[static_cast<size_t>(id)] = true;
  }
  return needed;
}

}  // namespace

Graph remove_dead(Graph graph) {
  const std::vector<bool> needed = needed_values(graph);
  std::erase_if(graph.nodes,
                [&](const Node& node) { return !needed[static_cast<size_t>(node.output)]; });
  std::erase_if(graph.inputs, [&](ValueId id) { return !needed[static_cast<size_t>(id)]; });

  // Renumbers the rest in the order of computation.
  std::vector<Value> values;
  std::vector<ValueId> moved(graph.values.size(), -1);
  const auto move = [&](ValueId& id) {
    values.push_back(std::move(graph.values[static_cast<size_t>(id)]));
    moved[static_cast<size_t>(id)] = static_cast<ValueId>(values.size()) - 1;
    id = static_cast<ValueId>(values.size()) - 1;
  };
  const auto renumber = [&](ValueId& id) { id = moved[static_cast<size_t>(id)]; };
  for (ValueId& id : graph.inputs) move(id);
  for (Node& node : graph.nodes) {
    for (ValueId& id : node.inputs) renumber(id);
    move(node.output);
  }
  for (auto& [name, id] : graph.outputs) renumber(id);
  graph.values = std::move(values);
  return graph;
}

}  // namespace lanewise::graph
