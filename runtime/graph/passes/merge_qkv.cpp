#include <algorithm>

#include "runtime/graph/passes/passes.hpp"
#include "runtime/graph/passes/rewrite.hpp"

namespace lanewise::graph {
namespace {

using Indices = std::vector<size_t>;

/// The linears that write these operands of an attention, if they can be merged: all read the same
/// value, only that attention reads them, they compute just x W^T + b, and have the same weight
/// roles, since a merged linear cannot have part of a bias.
std::optional<Indices> mergeable(const Graph& graph, const std::vector<ValueId>& operands,
                                 const MayStack& may_stack) {
  Indices indices;
  std::vector<std::string> weights;
  for (const ValueId id : operands) {
    const std::optional<size_t> index = sole_use_linear(graph, id);
    if (!index) return std::nullopt;
    indices.push_back(*index);
  }
  const Node& first = graph.nodes[indices.front()];
  const auto role_of = [](const auto& weight) { return weight.first; };
  for (const size_t index : indices) {
    const Node& linear = graph.nodes[index];
    if (!is_bare(linear) || linear.inputs != first.inputs ||
        !std::ranges::equal(linear.weights, first.weights, {}, role_of, role_of)) {
      return std::nullopt;
    }
    const auto weight = linear.weights.find("weight");
    if (weight != linear.weights.end()) {
      weights.insert(weights.end(), weight->second.begin(), weight->second.end());
    }
  }
  if (may_stack && !may_stack(weights)) return std::nullopt;
  return indices;
}

/// Whether the widths of queries, keys and values match how the attention splits the merged value.
bool widths_fit(const Graph& graph, const Node& attention) {
  const Result<int64_t> heads = attention.attributes.get_int("heads", 0);
  const Result<int64_t> kv_heads = attention.attributes.get_int("kv_heads", 0);
  const Result<int64_t> head_dim = attention.attributes.get_int("head_dim", 0);
  if (!heads.ok() || !kv_heads.ok() || !head_dim.ok() || *head_dim <= 0) return false;
  const auto heads_in = [&](size_t input) {
    const auto id = static_cast<size_t>(attention.inputs[input]);
    const int64_t features = graph.values[id].features;
    return features % *head_dim == 0 ? features / *head_dim : -1;
  };
  return heads_in(0) == *heads && heads_in(1) == *kv_heads && heads_in(2) == *kv_heads;
}

/// Merges the linears at `indices` into one, at the position of the first. Its output's columns,
/// and the rows of its weights, are in the order of `indices`.
ValueId merge(Graph& graph, const Indices& indices, const std::string& name) {
  const size_t place = *std::min_element(indices.begin(), indices.end());
  Node merged{.op = "linear", .name = name, .inputs = graph.nodes[place].inputs};
  Value value = graph.values[static_cast<size_t>(graph.nodes[place].output)];
  value.name = name;
  value.features = 0;
  for (const size_t index : indices) {
    const Node& linear = graph.nodes[index];
    value.features += graph.values[static_cast<size_t>(linear.output)].features;
    for (const auto& [role, names] : linear.weights) {
      auto& all = merged.weights[role];
      all.insert(all.end(), names.begin(), names.end());
    }
  }
  merged.output = static_cast<ValueId>(graph.values.size());
  graph.values.push_back(std::move(value));
  graph.nodes[place] = std::move(merged);
  Indices others = indices;
  std::erase(others, place);
  std::ranges::sort(others, std::greater<>());
  for (const size_t index : others) erase_node(graph, index);
  return static_cast<ValueId>(graph.values.size()) - 1;
}

/// Merges the operands of the attention at `index` from operand `begin` on.
bool merge_operands(Graph& graph, size_t index, size_t begin, const std::string& suffix,
                    const MayStack& may_stack) {
  const Node& attention = graph.nodes[index];
  const std::string name = attention.name + suffix;
  const ValueId output = attention.output;
  std::vector<ValueId> operands = attention.inputs;
  const auto first = operands.begin() + static_cast<std::ptrdiff_t>(begin);
  const auto linears = mergeable(graph, {first, operands.end()}, may_stack);
  if (!linears || has_node(graph, name)) return false;
  operands.resize(begin);
  operands.push_back(merge(graph, *linears, name));
  // The index of the attention itself has changed.
  const auto moved = std::ranges::find(graph.nodes, output, &Node::output);
  moved->inputs = std::move(operands);
  return true;
}

/// The node that turns every head of `value`, if it alone is read by one node input.
const Node* sole_rotary(const Graph& graph, ValueId value) {
  const Node* node = graph.producer(value);
  if (node == nullptr || node->op != "rotary" || graph.use_count(value) != 1) return nullptr;
  const Result<int64_t> heads = node->attributes.get_int("heads", 0);
  const Result<int64_t> head_dim = node->attributes.get_int("head_dim", 0);
  const int64_t features = graph.values[static_cast<size_t>(value)].features;
  const bool all = heads.ok() && head_dim.ok() && *head_dim > 0 && features % *head_dim == 0 &&
                   features / *head_dim == *heads;
  return all ? node : nullptr;
}

/// Whether both turn heads alike, whatever their number.
bool turn_alike(const Node& a, const Node& b) {
  ops::Attributes of_a = a.attributes, of_b = b.attributes;
  of_a.erase("heads");
  of_b.erase("heads");
  return a.inputs.size() == 2 && b.inputs.size() == 2 && a.inputs[1] == b.inputs[1] && of_a == of_b;
}

/// Merges the operands of the attention at `index` where queries and keys are turned by rotary
/// positions first: one node then turns both.
bool merge_rotated(Graph& graph, size_t index, const MayStack& may_stack) {
  const Node& attention = graph.nodes[index];
  const std::string name = attention.name + ".qkv";
  const ValueId output = attention.output;
  const ValueId turned = attention.inputs[0], other = attention.inputs[1];
  const Node* q = sole_rotary(graph, turned);
  const Node* k = sole_rotary(graph, other);
  if (q == nullptr || k == nullptr || !turn_alike(*q, *k) || has_node(graph, name)) return false;
  const auto linears =
      mergeable(graph, {q->inputs[0], k->inputs[0], attention.inputs[2]}, may_stack);
  if (!linears) return false;
  const int64_t heads = *q->attributes.get_int("heads", 0) + *k->attributes.get_int("heads", 0);
  const ValueId merged = merge(graph, *linears, name);
  const auto node_of = [&](ValueId value) {
    return std::ranges::find(graph.nodes, value, &Node::output);
  };
  graph.nodes.erase(node_of(other));
  node_of(turned)->inputs[0] = merged;
  node_of(turned)->attributes.set("heads", heads);
  graph.values[static_cast<size_t>(turned)].features =
      graph.values[static_cast<size_t>(merged)].features;
  node_of(output)->inputs = {turned};
  return true;
}

}  // namespace

Graph merge_qkv(Graph graph, const MayStack& may_stack) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (node.op != "attention" || node.inputs.size() != 3 || !widths_fit(graph, node)) continue;
    // In self attention all three read one value; in cross attention only keys and values do. In
    // both cases the removed nodes precede node i, so the node now at i has been visited, not
    // skipped.
    const size_t before = graph.nodes.size();
    if (merge_rotated(graph, i, may_stack) || merge_operands(graph, i, 0, ".qkv", may_stack) ||
        merge_operands(graph, i, 1, ".kv", may_stack)) {
      i -= before - graph.nodes.size();
    }
  }
  return graph;
}

}  // namespace lanewise::graph
