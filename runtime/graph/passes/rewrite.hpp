#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "runtime/graph/graph.hpp"

/// Shared by the fusion passes. Passes keep the graph valid, with nodes in an executable order.
/// Values that lose their node stay until remove_dead.
namespace lanewise::graph {

/// The index of the linear that writes `value`, if only one node input reads it.
std::optional<size_t> sole_use_linear(const Graph& graph, ValueId value);

/// Whether it is act(x W^T + b) without residual. False for a linear whose attributes cannot be
/// read, which is left for the operator to refuse.
bool lacks_residual(const Node& linear);
/// Whether it is x W^T + b and nothing more.
bool is_bare(const Node& linear);

bool same_shape(const Graph& graph, ValueId a, ValueId b);

/// Makes everything that reads `from`, including outputs, read `to`.
void replace_uses(Graph& graph, ValueId from, ValueId to);

void erase_node(Graph& graph, size_t index);

bool has_node(const Graph& graph, const std::string& name);

}  // namespace lanewise::graph
