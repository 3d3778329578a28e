#include "runtime/graph/decoding.hpp"

#include <algorithm>
#include <utility>

#include "base/messages.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "ops/attention/paged_operands.hpp"
#include "ops/description.hpp"
#include "runtime/graph/model_inputs.hpp"
#include "runtime/graph/passes/passes.hpp"

namespace lanewise::graph {
namespace {

constexpr const char* kLogits = "logits";

/// Builds the step from the nodes that depend on the decoder's ids.
class Splitter {
 public:
  Splitter(const Graph& graph, ValueId ids, ops::KvType type)
      : graph_(graph),
        type_(type),
        depends_(graph.values.size()),
        in_step_(graph.values.size(), -1) {
    depends_[static_cast<size_t>(ids)] = true;
    for (const Node& node : graph.nodes) {
      depends_[static_cast<size_t>(node.output)] =
          std::any_of(node.inputs.begin(), node.inputs.end(),
                      [&](ValueId input) -> bool { return depends_[static_cast<size_t>(input)]; });
    }
    result_.ids = value(ids).name;
    in_step_[static_cast<size_t>(ids)] = add_input(value(ids));
    positions_ = add_input({.name = std::string(kStepPositions),
                            .rows = value(ids).rows,
                            .type = DataType::kI32,
                            .features = 1});
  }

  Result<DecodingGraphs> run(LogitRows rows) {
    for (const Node& node : graph_.nodes) {
      if (!depends_[static_cast<size_t>(node.output)]) continue;
      const Status status = add_node(node);
      if (!status.ok()) return status.with_context("node " + base::in_quotes(node.name));
    }
    if (rows == LogitRows::kLast) {
      add_last_logits();
    } else {
      result_.step.outputs[kLogits] = logits();
    }
    result_.step = remove_dead(std::move(result_.step));
    if (!result_.memory.empty()) {
      // In a graph with such an input, all other inputs belong to the encoder.
      if (result_.ids != kTargetIds) return unsupported("uses more than the tokens of a sequence");
      LW_ASSIGN_OR_RETURN(result_.encode, restricted_to(with_memory_outputs(), result_.memory));
    }
    return std::move(result_);
  }

 private:
  const Value& value(ValueId id) const { return graph_.values[static_cast<size_t>(id)]; }
  bool depends(ValueId id) const { return depends_[static_cast<size_t>(id)]; }

  ValueId add_value(Value value) {
    result_.step.values.push_back(std::move(value));
    return static_cast<ValueId>(result_.step.values.size()) - 1;
  }

  ValueId add_input(Value value) {
    const ValueId id = add_value(std::move(value));
    result_.step.inputs.push_back(id);
    return id;
  }

  /// Makes a value that is ready before the first step an input of the step.
  ValueId memory(ValueId id) {
    ValueId& there = in_step_[static_cast<size_t>(id)];
    if (there >= 0) return there;
    there = add_input(value(id));
    result_.memory.push_back(value(id).name);
    memory_ids_.push_back(id);
    return there;
  }

  Status add_node(const Node& node) {
    Node copy = node;
    if (value(node.output).rows == RowSymbol::kSequences) {
      return unsupported("reads rows of tokens that do not exist yet");
    }
    const ops::DecodingStep step = ops::find_operator(node.op)->step;
    LW_RETURN_IF_ERROR(make_step(step, node, copy));
    if (step.takes_positions != nullptr) LW_RETURN_IF_ERROR(use_positions(step, node, copy));
    if (step.trained_tokens != nullptr) LW_RETURN_IF_ERROR(use_is_long(step, node, copy));
    copy.output = add_value(value(node.output));
    in_step_[static_cast<size_t>(node.output)] = copy.output;
    result_.step.nodes.push_back(std::move(copy));
    return {};
  }

  Status make_step(const ops::DecodingStep& step, const Node& node, Node& copy) {
    if (!step.op.empty()) copy.op = step.op;
    switch (step.kind) {
      case ops::DecodingStep::Kind::kAttention:
        return use_cache(step, node, copy);
      case ops::DecodingStep::Kind::kMemory:
        return use_memory(node, copy);
      case ops::DecodingStep::Kind::kRecurrent:
        LW_RETURN_IF_ERROR(use_inputs(copy));
        return use_states(step, node, copy);
      case ops::DecodingStep::Kind::kSame:
        return use_inputs(copy);
      case ops::DecodingStep::Kind::kNone:
        break;
    }
    return unsupported("operator " + base::in_quotes(node.op) + " has no step");
  }

  Status use_inputs(Node& copy) {
    for (ValueId& input : copy.inputs) LW_RETURN_IF_ERROR(use(input));
    return {};
  }

  /// A new token's position is its index in its sequence, not its row in the step.
  Status use_positions(const ops::DecodingStep& step, const Node& node, Node& copy) const {
    LW_ASSIGN_OR_RETURN(const bool takes_positions, step.takes_positions(node.attributes));
    if (!takes_positions) return {};
    copy.inputs.push_back(positions_);
    copy.attributes.set("has_positions", true);
    return {};
  }

  Status use_is_long(const ops::DecodingStep& step, const Node& node, Node& copy) {
    LW_ASSIGN_OR_RETURN(const int64_t tokens, step.trained_tokens(node.attributes));
    if (tokens == 0) return {};
    if (result_.trained_tokens == 0) {
      result_.trained_tokens = tokens;
      Value is_long = result_.step.values[static_cast<size_t>(positions_)];
      is_long.name = kStepIsLong;
      is_long_ = add_input(std::move(is_long));
    }
    if (tokens != result_.trained_tokens) return unsupported("has another trained length");
    copy.inputs.push_back(is_long_);
    return {};
  }

  /// Maps `input` to its value in the step.
  Status use(ValueId& input) {
    if (depends(input)) {
      input = in_step_[static_cast<size_t>(input)];
      return {};
    }
    if (value(input).rows != RowSymbol::kSequences) {
      return unsupported("uses a value of the encoder in every step");
    }
    input = row_of_source(input);
    return {};
  }

  /// A value with one row per sequence was computed with one row per source; several sequences may
  /// share a source.
  ValueId row_of_source(ValueId id) {
    ValueId& there = in_step_[static_cast<size_t>(id)];
    if (there >= 0) return there;
    if (sources_ < 0) {
      sources_ = add_input({.name = std::string(kStepSources),
                            .rows = RowSymbol::kSequences,
                            .type = DataType::kI32,
                            .features = 1});
    }
    Value of_sources = value(id);
    of_sources.rows = RowSymbol::kSources;
    result_.memory.push_back(of_sources.name);
    memory_ids_.push_back(id);
    Value gathered = value(id);
    gathered.name += ".of_source";
    Node take{.op = "gather_rows",
              .name = gathered.name,
              .inputs = {add_input(std::move(of_sources)), sources_}};
    there = add_value(std::move(gathered));
    take.output = there;
    result_.step.nodes.push_back(std::move(take));
    return there;
  }

  /// Adds the cache of `node` to the inputs of `copy`, whose attributes describe it.
  Status add_cache(const ops::DecodingStep& step, const Node& node, RowSymbol rows, Node& copy) {
    LW_ASSIGN_OR_RETURN(const int64_t features,
                        step.cache_features(copy.attributes, value(node.output).features));
    result_.caches.push_back(node.name + ".cache");
    copy.inputs.push_back(add_input({.name = result_.caches.back(),
                                     .rows = rows,
                                     .type = DataType::kF32,
                                     .features = features}));
    return {};
  }

  Status use_states(const ops::DecodingStep& step, const Node& node, Node& copy) {
    LW_ASSIGN_OR_RETURN(const bool reverse, node.attributes.get_bool("reverse", false));
    if (reverse) return unsupported("starts with tokens that do not exist yet");
    copy.attributes.erase("reverse");
    return add_cache(step, node, RowSymbol::kCache, copy);
  }

  Status use_memory(const Node& node, Node& copy) {
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (depends(node.inputs[i]) != (i == 0)) {
        return unsupported("attention that is not the decoder's to the encoder's output");
      }
      copy.inputs[i] =
          i == 0 ? in_step_[static_cast<size_t>(node.inputs[i])] : memory(node.inputs[i]);
    }
    return {};
  }

  Status use_cache(const ops::DecodingStep& step, const Node& node, Node& copy) {
    const bool to_memory = !depends(node.inputs.back());
    LW_ASSIGN_OR_RETURN(const bool causal, node.attributes.get_bool("causal", false));
    if (causal == to_memory) {
      return unsupported(causal ? "causal attention to the encoder's output"
                                : "attention to tokens that do not exist yet");
    }
    for (ValueId& input : copy.inputs) {
      input = depends(input) ? in_step_[static_cast<size_t>(input)] : memory(input);
    }
    if (to_memory) {
      copy.op = step.memory_op;
      return {};
    }
    return add_append(step, node, copy);
  }

  /// Keys and values of the new tokens go to the cache first; attention takes the queries from that
  /// node, and so runs after it.
  Status add_append(const ops::DecodingStep& step, const Node& node, Node& copy) {
    Node append{.op = std::string(step.append_op),
                .name = node.name + ".append",
                .inputs = std::move(copy.inputs)};
    for (const char* name : {"heads", "kv_heads", "head_dim"}) {
      if (!node.attributes.has(name)) continue;
      LW_ASSIGN_OR_RETURN(const int64_t count, node.attributes.get_int(name, 0));
      append.attributes.set(name, count);
    }
    for (Node* made : {&append, &copy}) {
      if (type_ == ops::KvType::kF32) break;  // the default
      made->attributes.set(ops::kCacheType, std::string(ops::name_of(type_)));
    }
    LW_RETURN_IF_ERROR(add_cache(step, node, RowSymbol::kPages, append));
    Value queries = value(node.output);
    queries.name = append.name;
    append.output = add_value(std::move(queries));
    copy.inputs = {append.output, append.inputs.back()};
    result_.step.nodes.push_back(std::move(append));
    return {};
  }

  /// Only the last token of a sequence needs logits. Its row is taken before the nodes that compute
  /// them alone: usually a linear, the largest of the model.
  void add_last_logits() {
    Graph& step = result_.step;
    const ValueId logits = this->logits();
    size_t first = step.nodes.size();  // of the nodes that need the last rows alone
    ValueId tokens = logits;
    while (first > 0 && needs_last_rows(step.nodes[first - 1], tokens)) {
      const Node& node = step.nodes[--first];
      step.values[static_cast<size_t>(node.output)].rows = RowSymbol::kSequences;
      tokens = node.inputs.front();
    }
    Value row = step.values[static_cast<size_t>(tokens)];
    row.name = std::string(kLogits) + ".last";
    row.rows = RowSymbol::kSequences;
    Node take{.op = "slice_rows",
              .name = row.name,
              .inputs = {tokens},
              .attributes = {{"index", int64_t{-1}}}};
    take.output = add_value(row);
    step.outputs[kLogits] = tokens == logits ? take.output : logits;
    if (tokens != logits) step.nodes[first].inputs.front() = take.output;
    step.nodes.insert(step.nodes.begin() + static_cast<std::ptrdiff_t>(first), std::move(take));
  }

  ValueId logits() const { return in_step_[static_cast<size_t>(graph_.outputs.at(kLogits))]; }

  /// Whether `node` computes `value`, which only what follows reads, row by row from one input.
  bool needs_last_rows(const Node& node, ValueId value) const {
    const Graph& step = result_.step;
    const bool by_rows = ops::find_operator(node.op)->step->kind == ops::DecodingStep::Kind::kSame;
    return by_rows && node.output == value && node.inputs.size() == 1 &&
           step.use_count(value) <= 1 &&
           step.values[static_cast<size_t>(node.inputs.front())].type == DataType::kF32;
  }

  Graph with_memory_outputs() const {
    Graph graph = graph_;
    for (const ValueId id : memory_ids_) graph.outputs[value(id).name] = id;
    return graph;
  }

  const Graph& graph_;
  const ops::KvType type_;
  std::vector<bool> depends_;     // on the decoder's ids
  std::vector<ValueId> in_step_;  // maps a value of the graph to the step, or to -1
  std::vector<ValueId> memory_ids_;
  ValueId positions_ = -1;
  ValueId is_long_ = -1;
  ValueId sources_ = -1;
  DecodingGraphs result_;
};

}  // namespace

Result<DecodingGraphs> split_for_decoding(const Graph& graph, LogitRows rows, ops::KvType type) {
  return base::no_throw([&]() -> Result<DecodingGraphs> {
    if (!graph.outputs.contains(kLogits)) return unsupported("the model has no output 'logits'");
    LW_ASSIGN_OR_RETURN(const Graph wanted, restricted_to(graph, {kLogits}));
    const ValueId ids = wanted.find_input(has_target(wanted) ? kTargetIds : kSourceIds);
    const auto rows_of = [&](ValueId id) { return wanted.values[static_cast<size_t>(id)].rows; };
    if (ids < 0 || rows_of(wanted.outputs.at(kLogits)) != rows_of(ids)) {
      return unsupported("the model does not compute logits for each token");
    }
    return Splitter(wanted, ids, type).run(rows);
  });
}

Result<std::set<std::string>> nodes_of_steps(const Graph& graph) {
  std::set<std::string> names;
  const Result<DecodingGraphs> graphs = split_for_decoding(graph);
  if (graphs.status().code() == StatusCode::kUnsupported) return names;
  if (!graphs.ok()) return graphs.status();
  for (const Node& node : graphs->step.nodes) names.insert(node.name);
  return names;
}

}  // namespace lanewise::graph
