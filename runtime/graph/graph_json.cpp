#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/json.hpp"
#include "base/messages.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/graph/graph.hpp"
#include "runtime/graph/model_inputs.hpp"

namespace lanewise::graph {
namespace {

using base::in_quotes;
// Members in a map, not in the order of the text: looking one up in a vector would be quadratic
// in what a file holds.
using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

// A node takes 300 bytes: room for ten thousand.
constexpr size_t kMaxBytes = 4 << 20;

constexpr std::array kRows = {RowSymbol::kSourceTokens, RowSymbol::kSequences,
                              RowSymbol::kTargetTokens};
static_assert(kRows.size() == kRowSymbols - 2);  // all but those of a decoder's steps
constexpr std::array kTypes = {DataType::kF32, DataType::kI32};

OrderedJson attribute_json(const ops::Attribute& attribute) {
  return std::visit([](const auto& value) { return OrderedJson(value); }, attribute);
}

OrderedJson value_json(const Value& value) {
  return {{"name", value.name},
          {"rows", name_of(value.rows)},
          {"type", lanewise::name_of(value.type)},
          {"features", value.features}};
}

OrderedJson node_json(const Node& node) {
  OrderedJson attributes = OrderedJson::object();
  for (const auto& [name, value] : node.attributes) attributes[name] = attribute_json(value);
  OrderedJson weights = OrderedJson::object();
  for (const auto& [role, names] : node.weights) weights[role] = names;
  return {{"op", node.op},         {"name", node.name},  {"inputs", node.inputs},
          {"output", node.output}, {"weights", weights}, {"attributes", attributes}};
}

std::string list_of(std::initializer_list<const char*> names) {
  std::string list;
  for (const char* name : names) list.append(list.empty() ? "" : ", ").append(name);
  return list;
}

/// An object with these members and no others: a newer file may mean something by one that this
/// build would silently leave out.
Status expect_members(const Json& json, std::initializer_list<const char*> names) {
  bool complete = json.is_object() && json.size() == names.size();
  for (const char* name : names) complete = complete && json.contains(name);
  if (complete) return {};
  return data_loss("expected an object of " + list_of(names));
}

Status wrong_type(const char* name, std::string_view expected) {
  return data_loss("'" + std::string(name) + "': expected " + std::string(expected));
}

Result<std::string> get_string(const Json& object, const char* name) {
  const Json& json = object.at(name);
  if (!json.is_string()) return wrong_type(name, "a text");
  return json.get<std::string>();
}

std::optional<int64_t> to_int64(const Json& json) {
  if (!json.is_number_integer()) return std::nullopt;
  if (json.is_number_unsigned() &&
      json.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return std::nullopt;
  }
  return json.get<int64_t>();
}

std::optional<ValueId> to_id(const Json& json) {
  const std::optional<int64_t> id = to_int64(json);
  if (!id || *id < 0 || *id > std::numeric_limits<ValueId>::max()) return std::nullopt;
  return static_cast<ValueId>(*id);
}

Result<ValueId> get_id(const Json& object, const char* name) {
  const std::optional<ValueId> id = to_id(object.at(name));
  if (!id) return wrong_type(name, "the number of a value");
  return *id;
}

Result<std::vector<ValueId>> get_ids(const Json& object, const char* name) {
  std::vector<ValueId> ids;
  if (!object.at(name).is_array()) return wrong_type(name, "a list");
  for (const Json& json : object.at(name)) {
    const std::optional<ValueId> id = to_id(json);
    if (!id) return wrong_type(name, "numbers of values");
    ids.push_back(*id);
  }
  return ids;
}

/// The one of `all` that name_of() calls as the member says.
template <typename All>
Result<typename All::value_type> get_enumerator(const Json& object, const char* name,
                                                const All& all) {
  LW_ASSIGN_OR_RETURN(const std::string text, get_string(object, name));
  for (const auto candidate : all) {
    if (name_of(candidate) == text) return candidate;
  }
  return unsupported("'" + std::string(name) + "': unknown " + in_quotes(text));
}

Result<Value> parse_value(const Json& json) {
  LW_RETURN_IF_ERROR(expect_members(json, {"name", "rows", "type", "features"}));
  Value value;
  LW_ASSIGN_OR_RETURN(value.name, get_string(json, "name"));
  LW_ASSIGN_OR_RETURN(value.rows, get_enumerator(json, "rows", kRows));
  LW_ASSIGN_OR_RETURN(value.type, get_enumerator(json, "type", kTypes));
  const std::optional<int64_t> features = to_int64(json.at("features"));
  if (!features) return wrong_type("features", "an integer");
  value.features = *features;
  return value;
}

Status parse_weights(const Json& json, Node& node) {
  if (!json.is_object()) return wrong_type("weights", "an object");
  for (const auto& [role, list] : json.items()) {
    const auto wrong = [&, &role = role] {
      return data_loss("weight " + in_quotes(role) + ": expected a list of tensor names");
    };
    if (!list.is_array() || list.empty()) return wrong();
    std::vector<std::string>& names = node.weights[role];
    for (const Json& name : list) {
      if (!name.is_string()) return wrong();
      names.push_back(name.get<std::string>());
    }
  }
  return {};
}

Result<ops::Attribute> parse_attribute(const Json& json) {
  if (json.is_boolean()) return ops::Attribute(json.get<bool>());
  if (json.is_string()) return ops::Attribute(json.get<std::string>());
  if (json.is_number_float()) return ops::Attribute(json.get<double>());
  if (const std::optional<int64_t> value = to_int64(json)) return ops::Attribute(*value);
  return data_loss("expected a string, a number, true or false");
}

Status parse_attributes(const Json& json, Node& node) {
  if (!json.is_object()) return wrong_type("attributes", "an object");
  for (const auto& [name, value] : json.items()) {
    Result<ops::Attribute> attribute = parse_attribute(value);
    if (!attribute.ok()) return attribute.status().with_context("attribute " + in_quotes(name));
    node.attributes.set(name, std::move(*attribute));
  }
  return {};
}

Result<Node> parse_node(const Json& json) {
  LW_RETURN_IF_ERROR(
      expect_members(json, {"op", "name", "inputs", "output", "weights", "attributes"}));
  Node node;
  LW_ASSIGN_OR_RETURN(node.op, get_string(json, "op"));
  LW_ASSIGN_OR_RETURN(node.name, get_string(json, "name"));
  LW_ASSIGN_OR_RETURN(node.inputs, get_ids(json, "inputs"));
  LW_ASSIGN_OR_RETURN(node.output, get_id(json, "output"));
  LW_RETURN_IF_ERROR(parse_weights(json.at("weights"), node));
  LW_RETURN_IF_ERROR(parse_attributes(json.at("attributes"), node));
  return node;
}

template <typename T>
Status parse_list(const Json& object, const char* name, Result<T> (*parse_one)(const Json&),
                  std::vector<T>& list) {
  if (!object.at(name).is_array()) return wrong_type(name, "a list");
  for (const Json& json : object.at(name)) {
    Result<T> one = parse_one(json);
    if (!one.ok()) {
      return one.status().with_context(std::string(name) + "[" + std::to_string(list.size()) + "]");
    }
    list.push_back(std::move(*one));
  }
  return {};
}

/// Files of format 1 say `tokens` for those of the model's last stack and `memory_tokens` for those
/// of an encoder before it.
void rename_rows_of_format_1(Json& values) {
  if (!values.is_array()) return;
  const auto member = [](const Json& value, const char* name) -> const std::string* {
    const auto found = value.is_object() ? value.find(name) : value.end();
    const bool is_text = value.is_object() && found != value.end() && found->is_string();
    return is_text ? found->get_ptr<const std::string*>() : nullptr;
  };
  const bool has_target = std::any_of(values.begin(), values.end(), [&](const Json& value) {
    const std::string* name = member(value, "name");
    return name != nullptr && *name == kTargetIds;
  });
  for (Json& value : values) {
    const std::string* rows = member(value, "rows");
    if (rows == nullptr) continue;
    if (*rows == "memory_tokens") {
      value["rows"] = name_of(RowSymbol::kSourceTokens);
    } else if (*rows == "tokens") {
      value["rows"] = name_of(has_target ? RowSymbol::kTargetTokens : RowSymbol::kSourceTokens);
    }
  }
}

Result<Graph> parse_checked(std::string_view text) {
  LW_RETURN_IF_ERROR(base::check_json(text, kMaxBytes));
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return data_loss("not JSON");
  LW_RETURN_IF_ERROR(expect_members(json, {"values", "inputs", "nodes", "outputs"}));
  rename_rows_of_format_1(json["values"]);
  Graph graph;
  LW_RETURN_IF_ERROR(parse_list(json, "values", parse_value, graph.values));
  LW_ASSIGN_OR_RETURN(graph.inputs, get_ids(json, "inputs"));
  LW_RETURN_IF_ERROR(parse_list(json, "nodes", parse_node, graph.nodes));
  if (!json.at("outputs").is_object()) return wrong_type("outputs", "an object");
  for (const auto& [name, value] : json.at("outputs").items()) {
    const std::optional<ValueId> id = to_id(value);
    if (!id) return data_loss("output " + in_quotes(name) + ": expected the number of a value");
    graph.outputs[name] = *id;
  }
  LW_RETURN_IF_ERROR(validate(graph));
  return graph;
}

}  // namespace

std::string to_json(const Graph& graph) {
  OrderedJson values = OrderedJson::array();
  for (const Value& value : graph.values) values.push_back(value_json(value));
  OrderedJson nodes = OrderedJson::array();
  for (const Node& node : graph.nodes) nodes.push_back(node_json(node));
  OrderedJson outputs = OrderedJson::object();
  for (const auto& [name, id] : graph.outputs) outputs[name] = id;
  const OrderedJson json = {{"values", std::move(values)},
                            {"inputs", graph.inputs},
                            {"nodes", std::move(nodes)},
                            {"outputs", std::move(outputs)}};
  // Replacing is for names that are not UTF-8, which the readers of checkpoints do not let in.
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

Result<Graph> parse_graph(std::string_view json) {
  return base::no_throw([&]() -> Result<Graph> {
    Result<Graph> graph = parse_checked(json);
    if (!graph.ok()) return graph.status().with_context("graph");
    return graph;
  });
}

}  // namespace lanewise::graph
