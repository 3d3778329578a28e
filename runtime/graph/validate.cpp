#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <set>

#include "base/messages.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/graph/graph.hpp"

namespace lanewise::graph {
namespace {

using base::in_quotes;

constexpr std::array kOperators = {
#define LW_OPERATOR(name, folder) std::string_view(#name),
#include "ops/ops.def"
#undef LW_OPERATOR
};

// Pieces of work count columns in 32 bits.
constexpr int64_t kMaxFeatures = std::numeric_limits<int32_t>::max();

/// Walks the nodes once; a value may be read when its producer has passed.
class Validator {
 public:
  explicit Validator(const Graph& graph) : graph_(graph), written_(graph.values.size()) {}

  Status run() {
    for (size_t i = 0; i < graph_.values.size(); ++i) {
      LW_RETURN_IF_ERROR(check_value(graph_.values[i]).with_context(about("value", i)));
    }
    LW_RETURN_IF_ERROR(check_inputs());
    std::set<std::string_view> names;
    for (const Node& node : graph_.nodes) {
      Status status = check_node(node);
      if (status.ok() && !names.insert(node.name).second) status = data_loss("duplicate name");
      if (!status.ok()) return status.with_context("node " + in_quotes(node.name));
    }
    for (const auto& [name, id] : graph_.outputs) {
      const Status status = check_read(id);
      if (!status.ok()) return status.with_context("output " + in_quotes(name));
    }
    return {};
  }

 private:
  std::string about(std::string_view what, size_t index) const {
    return std::string(what) + " " + std::to_string(index) + " " +
           in_quotes(graph_.values[index].name);
  }

  const Value& value(ValueId id) const { return graph_.values[static_cast<size_t>(id)]; }

  static Status check_value(const Value& value) {
    if (value.features >= 1 && value.features <= kMaxFeatures) return {};
    return data_loss("expected 1 to " + std::to_string(kMaxFeatures) + " features, found " +
                     std::to_string(value.features));
  }

  Status check_id(ValueId id) const {
    if (id >= 0 && static_cast<size_t>(id) < graph_.values.size()) return {};
    return data_loss("value " + std::to_string(id) + " is none of the graph's " +
                     std::to_string(graph_.values.size()));
  }

  Status check_read(ValueId id) const {
    LW_RETURN_IF_ERROR(check_id(id));
    if (written_[static_cast<size_t>(id)]) return {};
    return data_loss("reads " + about("value", static_cast<size_t>(id)) + " before it is written");
  }

  Status write(ValueId id) {
    LW_RETURN_IF_ERROR(check_id(id));
    if (!written_[static_cast<size_t>(id)]) {
      written_[static_cast<size_t>(id)] = true;
      return {};
    }
    return data_loss("writes " + about("value", static_cast<size_t>(id)) + " a second time");
  }

  Status check_inputs() {
    std::set<std::string_view> names;
    for (const ValueId id : graph_.inputs) {
      const Status status = write(id);
      if (!status.ok()) return status.with_context("inputs");
      const std::string& name = value(id).name;
      const std::string label = "input " + in_quotes(name);
      if (name.empty()) return data_loss(label + ": has no name");
      if (!names.insert(name).second) return data_loss(label + ": duplicate name");
    }
    return {};
  }

  Status check_node(const Node& node) {
    if (node.name.empty()) return data_loss("has no name");
    if (std::find(kOperators.begin(), kOperators.end(), node.op) == kOperators.end()) {
      return unsupported("unknown operator " + in_quotes(node.op) +
                         "; known: " + known_operators());
    }
    if (node.inputs.empty()) return data_loss("has no inputs");
    for (const ValueId id : node.inputs) LW_RETURN_IF_ERROR(check_read(id));
    LW_RETURN_IF_ERROR(write(node.output));
    // Ids come from callers alone, who are checked; no operator may make any.
    if (value(node.output).type != DataType::kF32)
      return data_loss("writes a value that is not F32");
    return check_rows(node);
  }

  /// Operators see how many features their operands have, but take the rows on trust: one that
  /// read as many rows from a value with a row a sequence as from one with a row a token would
  /// read past its end. So what goes with what is checked here.
  Status check_rows(const Node& node) const {
    const RowSymbol first = value(node.inputs.front()).rows;
    const RowSymbol last = value(node.inputs.back()).rows;
    const RowSymbol output = value(node.output).rows;
    if (node.op == "pool" || node.op == "slice_rows") {
      if (first != RowSymbol::kSequences && output == RowSymbol::kSequences) return {};
      return wrong_rows("one row per token in, one row per sequence out");
    }
    if (node.op == "attention" || node.op == "additive_attention") {
      // Keys and values may be the rows of another text; both have sequences, which one row of
      // each has not.
      const bool same_memory = node.inputs.size() < 3 || value(node.inputs[1]).rows == last;
      if (first == output && same_memory && first != RowSymbol::kSequences &&
          last != RowSymbol::kSequences) {
        return {};
      }
      return wrong_rows(
          "one row per token; keys and values with the same rows, the output with those of the "
          "queries");
    }
    if (node.op == "cached_attention") return check_cached(node);
    if (node.op == "gru" || node.op == "lstm") {
      return check_recurrent(node, node.inputs.size());
    }
    if (node.op == "cached_gru" || node.op == "cached_lstm") {
      const bool cache_given = last == RowSymbol::kCache && is_input(node.inputs.back());
      if (!cache_given || output != RowSymbol::kTokens) {
        return wrong_rows("one row per token; the last input is a cache");
      }
      return check_recurrent(node, node.inputs.size() - 1);
    }
    // gather_rows takes the rows that its last input names, of its first.
    const bool same = node.op == "gather_rows" ||
                      std::all_of(node.inputs.begin(), node.inputs.end(),
                                  [&](ValueId id) { return value(id).rows == output; });
    if (same && last == output) return {};
    return wrong_rows("an output with as many rows as the inputs");
  }

  bool is_input(ValueId id) const {
    return std::find(graph_.inputs.begin(), graph_.inputs.end(), id) != graph_.inputs.end();
  }

  /// The first `inputs` inputs are gates and, where there is one, the initial state.
  Status check_recurrent(const Node& node, size_t inputs) const {
    const RowSymbol tokens = value(node.output).rows;
    bool fits = inputs >= 1 && inputs <= 2 && value(node.inputs.front()).rows == tokens &&
                tokens != RowSymbol::kSequences;
    if (inputs == 2) fits = fits && value(node.inputs[1]).rows == RowSymbol::kSequences;
    return fits ? Status()
                : wrong_rows("one row per token, and an initial state with one row per sequence");
  }

  /// Keys and values are found by tables, which only callers have: for the inputs of a graph. The
  /// inputs in F32 that a cache is do not pass for a model file's (check_interface()).
  Status check_cached(const Node& node) const {
    const RowSymbol output = value(node.output).rows;
    bool fits = output == RowSymbol::kTokens && node.inputs.size() >= 2;
    for (size_t i = 0; fits && i < node.inputs.size(); ++i) {
      const bool by_tables = value(node.inputs[i]).rows != output;
      const bool given = is_input(node.inputs[i]);
      const bool is_memory = i > 0 && value(node.inputs[i]).rows != RowSymbol::kSequences;
      fits = by_tables ? given && is_memory : i + 1 < node.inputs.size();
    }
    return fits ? Status() : wrong_rows("one row per token; the last inputs are caches or memory");
  }

  static Status wrong_rows(std::string_view expected) {
    return data_loss("rows do not fit: expected " + std::string(expected));
  }

  static std::string known_operators() {
    std::string list;
    for (const std::string_view name : kOperators) {
      if (!list.empty()) list += ", ";
      list += name;
    }
    return list;
  }

  const Graph& graph_;
  std::vector<bool> written_;
};

}  // namespace

Status validate(const Graph& graph) {
  return base::no_throw([&] { return Validator(graph).run(); });
}

}  // namespace lanewise::graph
