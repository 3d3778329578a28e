#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/status.hpp"
#include "lanewise/tensor.hpp"
#include "ops/attributes.hpp"
#include "ops/row_symbol.hpp"

namespace lanewise::graph {

using ops::kRowSymbols;
using ops::RowSymbol;

using ValueId = int;

/// A matrix [rows, features] that flows between nodes.
struct Value {
  std::string name;
  RowSymbol rows = RowSymbol::kSourceTokens;
  DataType type = DataType::kF32;
  int64_t features = 0;
};

/// One operator of ops/ops.def applied to values and weights.
struct Node {
  std::string op;
  std::string name;  ///< unique; its place in the model: `encoder.layer.0.attention`
  std::vector<ValueId> inputs = {};
  ValueId output = -1;
  /// Tensor names by role (`weight`, `bias`, ...). Several names mean these tensors concatenated
  /// along their first dimension; in a model file there is always one.
  std::map<std::string, std::vector<std::string>> weights = {};
  ops::Attributes attributes = {};
};

/// A Transformer as a list of nodes in an executable order. A plain value.
struct Graph {
  std::vector<Value> values;
  std::vector<ValueId> inputs;  ///< input_ids, token_type_ids, ...: the caller's batch, in i32
  std::vector<Node> nodes;
  std::map<std::string, ValueId> outputs;  ///< last_hidden_state, sentence_embedding, ...

  /// The id of the graph input with that name, or -1.
  ValueId find_input(std::string_view name) const;
  /// The node that writes `value`, or nullptr for graph inputs.
  const Node* producer(ValueId value) const;
  /// How many node inputs and graph outputs read `value`.
  int use_count(ValueId value) const;
};

/// Checks what later code relies on: ids are in range; every value is written once, before it is
/// read; names are unique; operators are known and write F32; features fit in 32 bits; and the row
/// symbols of operands match, which no operator can check. Fails with kDataLoss, naming the node or
/// value. Values that nothing writes or reads are allowed. Operators themselves check their
/// attributes, weights and features.
Status validate(const Graph& graph);

/// Keeps only the nodes that `outputs` need, in order; values and ids do not change. An empty list
/// means all. Fails with kNotFound, listing the existing outputs, if the graph lacks one.
Result<Graph> restricted_to(const Graph& graph, const std::vector<std::string>& outputs);

/// JSON, as stored in model files. parse_graph() validates.
std::string to_json(const Graph& graph);
Result<Graph> parse_graph(std::string_view json);

/// One line per node, for people.
std::string to_text(const Graph& graph);
/// Graphviz.
std::string to_dot(const Graph& graph);
/// Several graphs in one drawing, each in a frame with a title.
struct Drawing {
  std::string title;
  const Graph* graph;
};
std::string to_dot(std::span<const Drawing> drawings);

}  // namespace lanewise::graph
