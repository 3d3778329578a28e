#include "runtime/graph/passes/passes.hpp"
#include "runtime/graph/passes/rewrite.hpp"

namespace lanewise::graph {
namespace {

/// The linear that can apply the activation of `node` itself. It must have no residual, which is
/// added after the activation.
std::optional<size_t> linear_before_activation(const Graph& graph, const Node& node) {
  if (node.op != "activation" || node.inputs.size() != 1 || !node.weights.empty() ||
      !node.attributes.has("kind") || !node.attributes.get_string("kind", "").ok() ||
      !node.attributes.expect_only({"kind"}).ok()) {
    return std::nullopt;
  }
  const std::optional<size_t> linear = sole_use_linear(graph, node.inputs.front());
  if (!linear || !is_bare(graph.nodes[*linear]) ||
      !same_shape(graph, node.inputs.front(), node.output)) {
    return std::nullopt;
  }
  return linear;
}

}  // namespace

Graph fuse_activation(Graph graph) {
  for (size_t i = 0; i < graph.nodes.size();) {
    const std::optional<size_t> linear = linear_before_activation(graph, graph.nodes[i]);
    if (!linear) {
      ++i;
      continue;
    }
    const Node activation = graph.nodes[i];
    graph.nodes[*linear].attributes.set("activation",
                                        *activation.attributes.get_string("kind", "none"));
    erase_node(graph, i);
    replace_uses(graph, activation.output, activation.inputs.front());
  }
  return graph;
}

}  // namespace lanewise::graph
