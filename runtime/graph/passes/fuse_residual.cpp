#include <algorithm>

#include "runtime/graph/passes/passes.hpp"
#include "runtime/graph/passes/rewrite.hpp"

namespace lanewise::graph {
namespace {

/// The linear that can do the addition of `node` itself. If both can, the later one, because its
/// operands are warmest in the caches.
std::optional<size_t> linear_before_residual(const Graph& graph, const Node& node) {
  if (node.op != "add" || node.inputs.size() != 2 || !node.weights.empty() ||
      node.attributes.begin() != node.attributes.end() ||
      !same_shape(graph, node.inputs[0], node.inputs[1]) ||
      !same_shape(graph, node.inputs[0], node.output)) {
    return std::nullopt;
  }
  std::optional<size_t> latest;
  for (const ValueId id : node.inputs) {
    // Requires a single use, so x + x, where both are the linear's output, stays.
    const std::optional<size_t> linear = sole_use_linear(graph, id);
    if (linear && lacks_residual(graph.nodes[*linear])) latest = std::max(latest, linear);
  }
  return latest;
}

}  // namespace

Graph fuse_residual(Graph graph) {
  for (size_t i = 0; i < graph.nodes.size();) {
    const std::optional<size_t> linear = linear_before_residual(graph, graph.nodes[i]);
    if (!linear) {
      ++i;
      continue;
    }
    // The linear moves to the position of the addition: there the other operand is ready, and
    // nothing in between reads the linear.
    const Node add = std::move(graph.nodes[i]);
    Node fused = std::move(graph.nodes[*linear]);
    fused.inputs.push_back(add.inputs[0] == fused.output ? add.inputs[1] : add.inputs[0]);
    fused.attributes.set("has_residual", true);
    const ValueId output = fused.output;
    graph.nodes[i] = std::move(fused);
    erase_node(graph, *linear);
    replace_uses(graph, add.output, output);
  }
  return graph;
}

}  // namespace lanewise::graph
