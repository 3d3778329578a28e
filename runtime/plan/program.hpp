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

/// A graph that is ready to run: norms absorbed, one operator per node, weights bound, memory
/// planned. Immutable.
struct Program {
  graph::Graph graph;
  std::vector<ops::OperatorPtr> operators;  ///< by node
  MemoryPlan memory;
  size_t scratch_bytes = 0;  ///< the maximum that one thread needs
};

/// Returns the configuration of the operator of `node`: its attributes, and its operands and
/// weights from `graph` and `weights`, which must outlive it. kDataLoss if a weight is missing.
Result<ops::OperatorConfig> operator_config(const Weights& weights, const graph::Graph& graph,
                                            const graph::Node& node);

/// Makes a program. `graph` is the model's, or derived from it. `weights` must outlive the program.
/// Fails with kInvalidArgument or kUnsupported, naming the node, if an operator does not accept its
/// attributes, weights or operands.
Result<Program> make_program(const Weights& weights, graph::Graph graph,
                             const ProgramOptions& options);

}  // namespace lanewise::plan
