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
  std::string name;  ///< unique; where it stands in the model: `encoder.layer.0.attention`
  std::vector<ValueId> inputs = {};
  ValueId output = -1;
  /// Tensor names by role (`weight`, `bias`, ...). Several names mean these tensors one below the
  /// other (concatenated along their first dimension); in a model file there is always one.
  std::map<std::string, std::vector<std::string>> weights = {};
  ops::Attributes attributes = {};
};

/// A Transformer as a list of nodes in an order in which they can run. A plain value.
struct Graph {
  std::vector<Value> values;
  std::vector<ValueId> inputs;  ///< input_ids, token_type_ids, ...: the caller's batch, in i32
  std::vector<Node> nodes;
  std::map<std::string, ValueId> outputs;  ///< last_hidden_state, sentence_embedding, ...

  /// Id of the graph input of that name, or -1.
  ValueId find_input(std::string_view name) const;
  /// The node that writes `value`, or nullptr for graph inputs.
  const Node* producer(ValueId value) const;
  /// How many node inputs and graph outputs read `value`.
  int use_count(ValueId value) const;
};

/// Checks what later code relies on: ids in range, every value written once and before it is
/// read, names unique, known operators that write F32, features in 32 bits, and rows that go
/// together, which no operator can see. kDataLoss names the node or value. Values that nothing
/// writes or reads are allowed. What attributes, weights and features must look like is checked by
/// the operators themselves.
Status validate(const Graph& graph);

/// The nodes that `outputs` need, in order; values and ids stay as they are. kNotFound names an
/// output that the graph lacks, listing those it has. An empty list means all.
Result<Graph> restricted_to(const Graph& graph, const std::vector<std::string>& outputs);

/// JSON, as stored in model files. parse_graph() validates.
std::string to_json(const Graph& graph);
Result<Graph> parse_graph(std::string_view json);

/// One line a node, for people.
std::string to_text(const Graph& graph);
/// Graphviz.
std::string to_dot(const Graph& graph);
/// Several graphs in one drawing, each in a frame with its title.
struct Drawing {
  std::string title;
  const Graph* graph;
};
std::string to_dot(std::span<const Drawing> drawings);

}  // namespace lanewise::graph
