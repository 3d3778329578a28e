#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "base/json_fields.hpp"
#include "base/json_tree.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/graph/graph.hpp"
#include "runtime/graph/model_inputs.hpp"

namespace lanewise::graph {
namespace {

using base::JsonFields;
using Json = base::JsonTree;

// A node takes 300 bytes: room for ten thousand.
constexpr size_t kMaxBytes = 4 << 20;

constexpr std::array kRows = {RowSymbol::kSourceTokens, RowSymbol::kSequences,
                              RowSymbol::kTargetTokens};
static_assert(kRows.size() == kRowSymbols - 3);  // all but those of a decoder's steps
constexpr std::array kTypes = {DataType::kF32, DataType::kI32};
constexpr ValueId kMaxId = std::numeric_limits<ValueId>::max();

Json attribute_json(const ops::Attribute& attribute) {
  return std::visit([](const auto& value) { return Json(value); }, attribute);
}

Json value_json(const Value& value) {
  return Json::object({{"name", value.name},
                       {"rows", name_of(value.rows)},
                       {"type", lanewise::name_of(value.type)},
                       {"features", value.features}});
}

Json node_json(const Node& node) {
  Json attributes = Json::object();
  for (const auto& [name, value] : node.attributes) attributes.set(name, attribute_json(value));
  return Json::object({{"op", node.op},
                       {"name", node.name},
                       {"inputs", node.inputs},
                       {"output", node.output},
                       {"weights", Json::object_of(node.weights)},
                       {"attributes", std::move(attributes)}});
}

/// One of `all` by what name_of() calls it.
template <typename All>
Result<typename All::value_type> get_enumerator(const JsonFields& fields, const char* key,
                                                const All& all) {
  std::array<std::string_view, std::tuple_size_v<All>> names;
  std::ranges::transform(all, names.begin(), [](auto value) { return name_of(value); });
  LW_ASSIGN_OR_RETURN(const size_t place, fields.choice(key, names));
  return all[place];
}

/// What a value's rows are. Files of format 1 say `tokens` for those of the model's last stack and
/// `memory_tokens` for those of an encoder before it.
Result<RowSymbol> get_rows(const JsonFields& fields, bool has_target) {
  const base::JsonValue* rows = fields.find("rows");
  if (rows != nullptr && rows->is("memory_tokens")) return RowSymbol::kSourceTokens;
  if (rows != nullptr && rows->is("tokens")) {
    return has_target ? RowSymbol::kTargetTokens : RowSymbol::kSourceTokens;
  }
  return get_enumerator(fields, "rows", kRows);
}

Result<Value> parse_value(const JsonFields& fields, bool has_target) {
  constexpr std::string_view kMembers[] = {"name", "rows", "type", "features"};
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  LW_RETURN_IF_ERROR(fields.check_members(kMembers));
  Value value;
  LW_ASSIGN_OR_RETURN(value.name, fields.string("name"));
  LW_ASSIGN_OR_RETURN(value.rows, get_rows(fields, has_target));
  LW_ASSIGN_OR_RETURN(value.type, get_enumerator(fields, "type", kTypes));
  LW_ASSIGN_OR_RETURN(value.features, fields.integer("features", kMin, kMax));
  return value;
}

Status parse_weights(const JsonFields& weights, Node& node) {
  for (const auto& [role, list] : weights.members()) {
    LW_ASSIGN_OR_RETURN(std::vector<std::string> names, weights.strings(role));
    if (names.empty()) return weights.wrong(role, "at least one tensor");
    node.weights[std::string(role)] = std::move(names);
  }
  return {};
}

Status parse_attributes(const JsonFields& attributes, Node& node) {
  for (const auto& [key, value] : attributes.members()) {
    const std::string name(key);
    if (value.is_boolean()) {
      node.attributes.set(name, value.boolean());
    } else if (value.is_string()) {
      node.attributes.set(name, std::string(value.string()));
    } else if (value.type() == base::JsonValue::Type::kFloat) {
      node.attributes.set(name, value.number());
    } else if (const std::optional<int64_t> integer = value.integer()) {
      node.attributes.set(name, *integer);
    } else {
      return attributes.wrong(key, "a string, a number, true or false");
    }
  }
  return {};
}

Result<Node> parse_node(const JsonFields& fields) {
  constexpr std::string_view kMembers[] = {"op",     "name",    "inputs",
                                           "output", "weights", "attributes"};
  LW_RETURN_IF_ERROR(fields.check_members(kMembers));
  Node node;
  LW_ASSIGN_OR_RETURN(node.op, fields.string("op"));
  LW_ASSIGN_OR_RETURN(node.name, fields.string("name"));
  LW_ASSIGN_OR_RETURN(node.inputs, fields.integers("inputs", 0, kMaxId));
  LW_ASSIGN_OR_RETURN(node.output, fields.count("output"));
  LW_ASSIGN_OR_RETURN(const JsonFields weights, fields.object("weights"));
  LW_RETURN_IF_ERROR(parse_weights(weights, node));
  LW_ASSIGN_OR_RETURN(const JsonFields attributes, fields.object("attributes"));
  LW_RETURN_IF_ERROR(parse_attributes(attributes, node));
  return node;
}

Result<std::vector<Value>> parse_values(const JsonFields& file) {
  LW_ASSIGN_OR_RETURN(const std::vector<JsonFields> objects, file.objects("values"));
  const bool has_target = std::ranges::any_of(objects, [](const JsonFields& object) {
    const base::JsonValue* name = object.find("name");
    return name != nullptr && name->is(kTargetIds);
  });
  std::vector<Value> values;
  for (const JsonFields& object : objects) {
    LW_ASSIGN_OR_RETURN(Value value, parse_value(object, has_target));
    values.push_back(std::move(value));
  }
  return values;
}

Result<std::vector<Node>> parse_nodes(const JsonFields& file) {
  LW_ASSIGN_OR_RETURN(const std::vector<JsonFields> objects, file.objects("nodes"));
  std::vector<Node> nodes;
  for (const JsonFields& object : objects) {
    LW_ASSIGN_OR_RETURN(Node node, parse_node(object));
    nodes.push_back(std::move(node));
  }
  return nodes;
}

Result<Graph> parse_checked(std::string_view text) {
  constexpr std::string_view kMembers[] = {"values", "inputs", "nodes", "outputs"};
  LW_ASSIGN_OR_RETURN(const base::JsonDocument json, base::parse_json(text, kMaxBytes));
  LW_ASSIGN_OR_RETURN(const JsonFields file, JsonFields::of(json.root(), ""));
  LW_RETURN_IF_ERROR(file.check_members(kMembers));
  Graph graph;
  LW_ASSIGN_OR_RETURN(graph.values, parse_values(file));
  LW_ASSIGN_OR_RETURN(graph.inputs, file.integers("inputs", 0, kMaxId));
  LW_ASSIGN_OR_RETURN(graph.nodes, parse_nodes(file));
  LW_ASSIGN_OR_RETURN(const JsonFields outputs, file.object("outputs"));
  for (const base::JsonMember& output : outputs.members()) {
    LW_ASSIGN_OR_RETURN(graph.outputs[std::string(output.name)], outputs.count_of(output));
  }
  LW_RETURN_IF_ERROR(validate(graph));
  return graph;
}

}  // namespace

std::string to_json(const Graph& graph) {
  Json values = Json::array();
  for (const Value& value : graph.values) values.push_back(value_json(value));
  Json nodes = Json::array();
  for (const Node& node : graph.nodes) nodes.push_back(node_json(node));
  return Json::object({{"values", std::move(values)},
                       {"inputs", graph.inputs},
                       {"nodes", std::move(nodes)},
                       {"outputs", Json::object_of(graph.outputs)}})
      .text();
}

Result<Graph> parse_graph(std::string_view json) {
  return base::no_throw([&]() -> Result<Graph> {
    Result<Graph> graph = parse_checked(json);
    if (!graph.ok()) return graph.status().with_context("graph");
    return graph;
  });
}

}  // namespace lanewise::graph
