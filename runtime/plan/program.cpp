#include "runtime/plan/program.hpp"

#include <algorithm>

#include "base/status_macros.hpp"
#include "runtime/plan/absorb_norms.hpp"

namespace lanewise::plan {
namespace {

using graph::Graph;
using graph::Node;
using graph::ValueId;

ops::OperandSpec operand_spec(const Graph& graph, ValueId id) {
  const graph::Value& value = graph.values[static_cast<size_t>(id)];
  return {value.type, value.features};
}

Result<TensorView> find_weight(const Weights& weights, const std::vector<std::string>& names) {
  if (names.size() != 1) return data_loss("a weight of a model file must be one tensor");
  const std::optional<TensorView> tensor = weights.find_weight(names.front());
  if (!tensor) return data_loss("the model file has no tensor '" + names.front() + "'");
  return *tensor;
}

Result<ops::OperatorPtr> make_node_operator(const Weights& weights, const Graph& graph,
                                            const Node& node, const ProgramOptions& options) {
  LW_ASSIGN_OR_RETURN(ops::OperatorConfig config, operator_config(weights, graph, node));
  config.isa = options.isa;
  config.fast = options.fast;
  if (options.log) {
    config.log = [&](std::string_view line) { options.log(node.name + ": " + std::string(line)); };
  }
  return ops::make_operator(node.op, config);
}

}  // namespace

Result<ops::OperatorConfig> operator_config(const Weights& weights, const Graph& graph,
                                            const Node& node) {
  ops::OperatorConfig config{.attributes = node.attributes};
  for (const ValueId input : node.inputs) config.inputs.push_back(operand_spec(graph, input));
  config.output = operand_spec(graph, node.output);
  for (const auto& [role, names] : node.weights) {
    LW_ASSIGN_OR_RETURN(config.weights[role], find_weight(weights, names));
    const std::optional<ops::WeightFormat> format = weights.find_format(names.front());
    if (format) config.formats[role] = *format;
  }
  return config;
}

Result<Program> make_program(const Weights& weights, graph::Graph graph,
                             const ProgramOptions& options) {
  Program program;
  program.graph = absorb_norms(weights, std::move(graph));
  for (const Node& node : program.graph.nodes) {
    Result<ops::OperatorPtr> op = make_node_operator(weights, program.graph, node, options);
    if (!op.ok()) return op.status().with_context("node '" + node.name + "' (" + node.op + ")");
    program.scratch_bytes = std::max(program.scratch_bytes, (*op)->scratch_bytes());
    program.operators.push_back(std::move(op).value());
  }
  program.memory = plan_memory(program.graph, program.operators);
  return program;
}

}  // namespace lanewise::plan
