#include "runtime/graph/passes/rewrite.hpp"

#include <algorithm>

namespace lanewise::graph {

std::optional<size_t> sole_use_linear(const Graph& graph, ValueId value) {
  const Node* node = graph.producer(value);
  if (node == nullptr || node->op != "linear" || graph.use_count(value) != 1) return std::nullopt;
  return static_cast<size_t>(node - graph.nodes.data());
}

bool lacks_residual(const Node& linear) {
  const Result<bool> has_residual = linear.attributes.get_bool("has_residual", false);
  return linear.inputs.size() == 1 && has_residual.ok() && !*has_residual;
}

bool is_bare(const Node& linear) {
  const Result<std::string> activation = linear.attributes.get_string("activation", "none");
  return lacks_residual(linear) && activation.ok() && *activation == "none" &&
         linear.attributes.expect_only({"activation", "has_residual"}).ok();
}

bool same_shape(const Graph& graph, ValueId a, ValueId b) {
  const Value& first = graph.values[static_cast<size_t>(a)];
  const Value& second = graph.values[static_cast<size_t>(b)];
  return first.rows == second.rows && first.features == second.features &&
         first.type == second.type;
}

void replace_uses(Graph& graph, ValueId from, ValueId to) {
  for (Node& node : graph.nodes) {
    std::replace(node.inputs.begin(), node.inputs.end(), from, to);
  }
  for (auto& [name, id] : graph.outputs) {
    if (id == from) id = to;
  }
}

void erase_node(Graph& graph, size_t index) {
  graph.nodes.erase(graph.nodes.begin() + static_cast<std::ptrdiff_t>(index));
}

bool has_node(const Graph& graph, const std::string& name) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(),
                     [&](const Node& node) { return node.name == name; });
}

}  // namespace lanewise::graph
