#include <algorithm>
#include <array>
#include <charconv>

#include "runtime/graph/graph.hpp"

namespace lanewise::graph {
namespace {

/// Names come from files and may be printed to terminals.
std::string printable(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return result;
}

std::string to_string(double value) {
  std::array<char, 32> buffer{};  // The shortest form that reads back as `value` has at most 24.
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return {buffer.data(), end};
}

std::string to_string(const ops::Attribute& attribute) {
  if (const auto* flag = std::get_if<bool>(&attribute)) return *flag ? "true" : "false";
  if (const auto* integer = std::get_if<int64_t>(&attribute)) return std::to_string(*integer);
  if (const auto* real = std::get_if<double>(&attribute)) return to_string(*real);
  return printable(std::get<std::string>(attribute));
}

std::string shape_of(const Value& value) {
  std::string shape(name_of(value.rows));
  shape += " x " + std::to_string(value.features);
  if (value.type != DataType::kF32) shape.append(" ").append(lanewise::name_of(value.type));
  return shape;
}

std::string reference(ValueId id) { return "%" + std::to_string(id); }

std::string details(const Node& node) {
  std::string text;
  for (const auto& [role, names] : node.weights) text += text.empty() ? role : " " + role;
  if (!text.empty()) text = "[" + printable(text) + "]";
  for (const auto& [name, value] : node.attributes) {
    text += (text.empty() ? "" : " ") + printable(name) + "=" + to_string(value);
  }
  return text;
}

using Line = std::array<std::string, 6>;  // %id, name, shape, operator, operands, details

Line input_line(const Graph& graph, ValueId id) {
  const Value& value = graph.values[static_cast<size_t>(id)];
  return {reference(id), printable(value.name), shape_of(value), "input", "", ""};
}

Line node_line(const Graph& graph, const Node& node) {
  std::string operands;
  for (const ValueId id : node.inputs) operands += (operands.empty() ? "" : " ") + reference(id);
  return {reference(node.output),
          printable(node.name),
          shape_of(graph.values[static_cast<size_t>(node.output)]),
          printable(node.op),
          operands,
          details(node)};
}

Line output_line(const Graph& graph, const std::string& name, ValueId id) {
  const Value& value = graph.values[static_cast<size_t>(id)];
  return {"", printable(name), shape_of(value), "output", reference(id), ""};
}

std::string aligned(const std::vector<Line>& lines) {
  std::array<size_t, std::tuple_size_v<Line>> widths{};
  for (const Line& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const Line& line : lines) {
    std::string row;
    for (size_t i = 0; i < line.size(); ++i) {
      row += line[i] + std::string(widths[i] - line[i].size() + 2, ' ');
    }
    row.erase(row.find_last_not_of(' ') + 1);
    text += row + "\n";
  }
  return text;
}

/// A quoted string of Graphviz, where \n begins a new line.
std::string dot_label(const std::vector<std::string>& lines) {
  std::string label = "\"";
  for (const std::string& line : lines) {
    if (label.size() > 1) label += "\\n";
    for (const char c : printable(line)) {
      if (c == '"' || c == '\\') label += '\\';
      label += c;
    }
  }
  return label + "\"";
}

/// The nodes and edges of one graph; `prefix` begins their names.
class DotWriter {
 public:
  DotWriter(const Graph& graph, std::string prefix) : graph_(graph), prefix_(std::move(prefix)) {}

  std::string write() {
    for (const ValueId id : graph_.inputs) {
      node(value_name(id), "shape=oval label=" + dot_label({value(id).name, shape_of(value(id))}));
    }
    for (const Node& made : graph_.nodes) {
      const Value& output = value(made.output);
      node(value_name(made.output), "label=" + dot_label({made.op, made.name, shape_of(output)}));
      for (const ValueId id : made.inputs) edge(value_name(id), value_name(made.output));
    }
    int index = 0;
    for (const auto& [name, id] : graph_.outputs) {
      const std::string output = prefix_ + "output" + std::to_string(index++);
      node(output, "shape=oval label=" + dot_label({name}));
      edge(value_name(id), output);
    }
    return std::move(dot_);
  }

 private:
  const Value& value(ValueId id) const { return graph_.values[static_cast<size_t>(id)]; }
  std::string value_name(ValueId id) const { return prefix_ + "v" + std::to_string(id); }
  void node(const std::string& name, const std::string& attributes) {
    dot_ += "  " + name + " [" + attributes + "];\n";
  }
  void edge(const std::string& from, const std::string& to) {
    dot_ += "  " + from + " -> " + to + ";\n";
  }

  const Graph& graph_;
  const std::string prefix_;
  std::string dot_;
};

constexpr const char* kDotBegin = "digraph model {\n  node [shape=box];\n";

}  // namespace

std::string to_text(const Graph& graph) {
  std::vector<Line> lines;
  for (const ValueId id : graph.inputs) lines.push_back(input_line(graph, id));
  for (const Node& node : graph.nodes) lines.push_back(node_line(graph, node));
  for (const auto& [name, id] : graph.outputs) lines.push_back(output_line(graph, name, id));
  return aligned(lines);
}

std::string to_dot(const Graph& graph) { return kDotBegin + DotWriter(graph, "").write() + "}\n"; }

std::string to_dot(std::span<const Drawing> drawings) {
  std::string dot = kDotBegin;
  for (size_t i = 0; i < drawings.size(); ++i) {
    const std::string name = "g" + std::to_string(i);
    // Graphviz draws a frame around a subgraph whose name begins with `cluster`.
    dot += "subgraph cluster_" + name + " {\n  label=" + dot_label({drawings[i].title}) + ";\n";
    dot += DotWriter(*drawings[i].graph, name + "_").write() + "}\n";
  }
  return dot + "}\n";
}

}  // namespace lanewise::graph
