#include <algorithm>
#include <cstdint>
#include <limits>
#include <set>

#include "base/messages.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "ops/description.hpp"
#include "runtime/graph/graph.hpp"

namespace lanewise::graph {
namespace {

using base::in_quotes;

// Pieces of work count columns in 32 bits.
constexpr int64_t kMaxFeatures = std::numeric_limits<int32_t>::max();

/// Walks the nodes once; a value may be read after its producer.
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
    const ops::OperatorDescription* op = ops::find_operator(node.op);
    if (op == nullptr) {
      return unsupported("unknown operator " + in_quotes(node.op) +
                         "; known: " + ops::known_operators());
    }
    if (node.inputs.empty()) return data_loss("has no inputs");
    for (const ValueId id : node.inputs) LW_RETURN_IF_ERROR(check_read(id));
    LW_RETURN_IF_ERROR(write(node.output));
    // Ids come only from callers, whose ids are checked; no operator may produce them.
    if (value(node.output).type != DataType::kF32)
      return data_loss("writes a value that is not F32");
    return check_rows(node, *op);
  }

  Status check_rows(const Node& node, const ops::OperatorDescription& op) const {
    std::vector<ops::NodeRows::Input> inputs;
    for (const ValueId id : node.inputs) inputs.push_back({value(id).rows, is_input(id)});
    const std::string_view expected = op.rows({inputs, value(node.output).rows});
    if (expected.empty()) return {};
    return data_loss("rows do not fit: expected " + std::string(expected));
  }

  bool is_input(ValueId id) const {
    return std::find(graph_.inputs.begin(), graph_.inputs.end(), id) != graph_.inputs.end();
  }

  const Graph& graph_;
  std::vector<bool> written_;
};

}  // namespace

Status validate(const Graph& graph) {
  return base::no_throw([&] { return Validator(graph).run(); });
}

}  // namespace lanewise::graph
