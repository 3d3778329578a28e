#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "runtime/graph/graph.hpp"

/// What the fusion passes share. Passes keep the graph valid: nodes stay in an order in which they
/// can run. Values that lose their node stay until remove_dead.
namespace lanewise::graph {

/// Where the linear stands that writes `value`, if nothing but one node input reads it.
std::optional<size_t> sole_use_linear(const Graph& graph, ValueId value);

/// True for act(x W^T + b) without residual. A linear whose attributes cannot be read is none: it
/// is left as it is, for the operator to refuse.
bool lacks_residual(const Node& linear);
/// True for x W^T + b and nothing more.
bool is_bare(const Node& linear);

bool same_shape(const Graph& graph, ValueId a, ValueId b);

/// Whoever read `from` reads `to`, outputs too.
void replace_uses(Graph& graph, ValueId from, ValueId to);

void erase_node(Graph& graph, size_t index);

bool has_node(const Graph& graph, const std::string& name);

}  // namespace lanewise::graph
