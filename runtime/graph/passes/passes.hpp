#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/graph/graph.hpp"

namespace lanewise::graph {

/// Fuses the textbook graph by these passes, in this order:
///
///   merge_qkv        merges three linears that read one value and feed one attention, and the
///                    rotary positions of its queries and keys
///   fuse_activation  makes an activation the epilogue of a linear that nothing else reads
///   fuse_residual    makes an add the residual of a linear that nothing else reads
///   remove_dead      removes values that nothing reads and the nodes that compute only these, and
///                    renumbers the rest
///
/// Results change only by the rounding of the fused expressions. Outputs keep their names.
///
/// may_stack  whether the weights of linears with these names may become one; empty: all may
using MayStack = std::function<bool(const std::vector<std::string>& weights)>;
Graph optimize(Graph graph, const MayStack& may_stack = {});

Graph merge_qkv(Graph graph, const MayStack& may_stack = {});
Graph fuse_activation(Graph graph);
Graph fuse_residual(Graph graph);
Graph remove_dead(Graph graph);

}  // namespace lanewise::graph
