#include "runtime/graph/passes/passes.hpp"

#include <array>
#include <utility>

namespace lanewise::graph {
namespace {

using Pass = Graph (*)(Graph);

// Activations before residuals: a linear adds its residual last.
constexpr std::array<Pass, 4> kPasses = {merge_qkv, fuse_activation, fuse_residual, remove_dead};

}  // namespace

Graph optimize(Graph graph) {
  for (const Pass pass : kPasses) graph = pass(std::move(graph));
  return graph;
}

}  // namespace lanewise::graph
