#include "runtime/plan/absorb_norms.hpp"

#include <algorithm>

#include "ops/description.hpp"
#include "runtime/plan/program.hpp"

namespace lanewise::plan {
namespace {

using graph::Graph;
using graph::Node;
using graph::ValueId;

// One reader computes queries, keys and values; in a gated layer two read the norm. Each reader
// computes the norm again, so with many that costs more than storing its value.
constexpr size_t kMostReaders = 2;

/// An input of a node.
struct Use {
  size_t node;
  size_t input;
};

/// The readers of each value, except graph outputs.
std::vector<std::vector<Use>> uses_of(const Graph& graph) {
  std::vector<std::vector<Use>> uses(graph.values.size());
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const std::vector<ValueId>& inputs = graph.nodes[i].inputs;
    for (size_t j = 0; j < inputs.size(); ++j) {
      uses[static_cast<size_t>(inputs[j])].push_back({i, j});
    }
  }
  return uses;
}

/// Whether `node` is a norm of whole rows, without a residual, that an operator can be made of. One
/// that cannot is left as it is, so that the message is about the norm.
bool is_sound_norm(const Weights& weights, const Graph& graph, const Node& node) {
  const ops::OperatorDescription& op = *ops::find_operator(node.op);
  if (op.norm != ops::NormRole::kNorm || node.inputs.size() != 1) return false;
  const Result<ops::OperatorConfig> config = operator_config(weights, graph, node);
  if (!config.ok() || !op.make(*config).ok()) return false;
  return config->weights.at("weight").shape == Shape{config->output.features};
}

bool takes_norm(const Weights& weights, const Graph& graph, const Node& node) {
  const ops::OperatorDescription& op = *ops::find_operator(node.op);
  if (op.norm != ops::NormRole::kReader) return false;
  const Result<ops::OperatorConfig> config = operator_config(weights, graph, node);
  return config.ok() && op.takes_norm(*config);
}

void absorb(const Node& norm, Node& linear) {
  linear.inputs.front() = norm.inputs.front();
  linear.attributes.set("norm", norm.op);
  for (const auto& [name, value] : norm.attributes) linear.attributes.set("norm_" + name, value);
  for (const auto& [role, names] : norm.weights) linear.weights["norm_" + role] = names;
}

}  // namespace

Graph absorb_norms(const Weights& weights, Graph graph) {
  const std::vector<std::vector<Use>> uses = uses_of(graph);
  std::vector<bool> fixed(graph.values.size());
  for (const auto& [name, id] : graph.outputs) fixed[static_cast<size_t>(id)] = true;
  std::vector<bool> absorbed(graph.values.size());
  for (const Node& norm : graph.nodes) {
    const auto value = static_cast<size_t>(norm.output);
    const std::vector<Use>& readers = uses[value];
    if (fixed[value] || readers.empty() || readers.size() > kMostReaders) continue;
    const bool taken = std::all_of(readers.begin(), readers.end(), [&](const Use& use) {
      return use.input == 0 && takes_norm(weights, graph, graph.nodes[use.node]);
    });
    if (!taken || !is_sound_norm(weights, graph, norm)) continue;
    for (const Use& use : readers) absorb(norm, graph.nodes[use.node]);
    absorbed[value] = true;
  }
  std::erase_if(graph.nodes,
                [&](const Node& node) { return absorbed[static_cast<size_t>(node.output)]; });
  return graph;
}

}  // namespace lanewise::plan
