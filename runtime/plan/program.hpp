#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "lanewise/status.hpp"
#include "ops/operator.hpp"
#include "runtime/graph/graph.hpp"
#include "runtime/plan/memory_plan.hpp"
#include "runtime/plan/weights.hpp"

namespace lanewise::plan {

struct ProgramOptions {
  ops::Isa isa = ops::Isa::baseline;
  bool fast = false;
  std::function<void(std::string_view)> log;
};

/// A graph made ready to run: norms absorbed, one operator for each node, weights bound, memory
/// planned. Immutable.
struct Program {
  graph::Graph graph;
  std::vector<ops::OperatorPtr> operators;  ///< by node
  MemoryPlan memory;
  size_t scratch_bytes = 0;  ///< that one thread needs at most
};

/// What the operator of `node` is made from: its attributes, and its operands and weights as
/// `graph` and `weights`, which must outlive it, have them. kDataLoss where a weight is missing.
Result<ops::OperatorConfig> operator_config(const Weights& weights, const graph::Graph& graph,
                                            const graph::Node& node);

/// `graph` is the model's, or made from it.
/// Fails with kInvalidArgument or kUnsupported, naming the node, where an operator does not accept
/// its attributes, weights or operands. They stay in `weights`, which must outlive the program.
Result<Program> make_program(const Weights& weights, graph::Graph graph,
                             const ProgramOptions& options);

}  // namespace lanewise::plan
