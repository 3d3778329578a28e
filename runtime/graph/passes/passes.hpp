#pragma once

#include "runtime/graph/graph.hpp"

namespace lanewise::graph {

/// Fuses the textbook graph, in this order (passes.cpp):
///   merge_qkv             three linears of one value that feed one attention become one
///   fuse_activation       an activation that alone reads a linear becomes its epilogue
///   fuse_residual         an add that alone reads a linear becomes its residual
///   remove_dead           values that nothing reads, and nodes that only they need, go; the rest
///   is renumbered
/// Results do not change beyond the rounding of the fused expressions. Outputs keep their names.
Graph optimize(Graph graph);

Graph merge_qkv(Graph graph);
Graph fuse_activation(Graph graph);
Graph fuse_residual(Graph graph);
Graph remove_dead(Graph graph);

}  // namespace lanewise::graph
