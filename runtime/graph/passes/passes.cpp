#include "runtime/graph/passes/passes.hpp"

#include <array>
#include <utility>

namespace lanewise::graph {
namespace {

using Pass = Graph (*)(Graph);

// Activations before residuals: a linear adds its residual last.
constexpr std::array<Pass, 3> kAfterMerging = {fuse_activation, fuse_residual, remove_dead};

}  // namespace

Graph optimize(Graph graph, const MayStack& may_stack) {
  graph = merge_qkv(std::move(graph), may_stack);
  for (const Pass pass : kAfterMerging) graph = pass(std::move(graph));
  return graph;
}

}  // namespace lanewise::graph
