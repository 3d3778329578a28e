#pragma once

#include <memory>
#include <vector>

#include "lanewise/inspect.hpp"
#include "runtime/graph/graph.hpp"

namespace lanewise::internal {

/// The data of a ModelGraph: a graph, and its values and nodes in the types of the public
/// interface, which do not change with the internal ones. Immutable.
class GraphData {
 public:
  explicit GraphData(graph::Graph graph);

  const graph::Graph& graph() const noexcept { return graph_; }
  const std::vector<GraphValue>& values() const noexcept { return values_; }
  const std::vector<GraphNode>& nodes() const noexcept { return nodes_; }

 private:
  graph::Graph graph_;
  std::vector<GraphValue> values_;
  std::vector<GraphNode> nodes_;
};

}  // namespace lanewise::internal
