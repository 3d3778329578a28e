#include "runtime/graph/graph.hpp"

#include <algorithm>

#include "base/messages.hpp"
#include "base/no_throw.hpp"

namespace lanewise::graph {

ValueId Graph::find_input(std::string_view name) const {
  const auto it = std::find_if(inputs.begin(), inputs.end(), [&](ValueId id) {
    return values[static_cast<size_t>(id)].name == name;
  });
  return it == inputs.end() ? -1 : *it;
}

const Node* Graph::producer(ValueId value) const {
  const auto it = std::find_if(nodes.begin(), nodes.end(),
                               [&](const Node& node) { return node.output == value; });
  return it == nodes.end() ? nullptr : &*it;
}

int Graph::use_count(ValueId value) const {
  std::ptrdiff_t count = 0;
  for (const Node& node : nodes) {
    count += std::count(node.inputs.begin(), node.inputs.end(), value);
  }
  for (const auto& [name, id] : outputs) count += id == value;
  return static_cast<int>(count);
}

Result<Graph> restricted_to(const Graph& graph, const std::vector<std::string>& outputs) {
  return base::no_throw([&]() -> Result<Graph> {
    if (outputs.empty()) return graph;
    Graph result{.values = graph.values, .inputs = graph.inputs, .nodes = {}, .outputs = {}};
    std::vector<bool> needed(graph.values.size());
    for (const std::string& name : outputs) {
      const auto it = graph.outputs.find(name);
      if (it == graph.outputs.end()) {
        std::string known;
        for (const auto& [other, id] : graph.outputs) known += (known.empty() ? "" : ", ") + other;
        return not_found("no output " + base::in_quotes(name) + "; the model has " + known);
      }
      result.outputs.insert(*it);
      needed[static_cast<size_t>(it->second)] = true;
    }
    for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
      if (!needed[static_cast<size_t>(node->output)]) continue;
      for (const ValueId id : node->inputs) needed[static_cast<size_t>(id)] = true;
      result.nodes.push_back(*node);
    }
    std::reverse(result.nodes.begin(), result.nodes.end());
    return result;
  });
}

}  // namespace lanewise::graph
