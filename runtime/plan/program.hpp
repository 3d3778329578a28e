#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "lanewise/status.hpp"
#include "ops/operator.hpp"
#include "runtime/graph/graph.hpp"
#include "runtime/model_data.hpp"
#include "runtime/plan/memory_plan.hpp"

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
/// weights from `graph` and `model`, which must outlive it. kDataLoss if a weight is not in the
/// model.
Result<ops::OperatorConfig> operator_config(const internal::ModelData& model,
                                            const graph::Graph& graph, const graph::Node& node);

/// Makes a program. `graph` is the model's, or derived from it. The weights stay in `model`, which
/// must outlive the program. Fails with kInvalidArgument or kUnsupported, naming the node, if an
/// operator does not accept its attributes, weights or operands.
Result<Program> make_program(const internal::ModelData& model, graph::Graph graph,
                             const ProgramOptions& options);

}  // namespace lanewise::plan
