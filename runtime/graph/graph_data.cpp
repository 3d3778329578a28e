#include "runtime/graph/graph_data.hpp"

#include <utility>

#include "base/no_throw.hpp"
#include "runtime/model_data.hpp"

namespace lanewise {
namespace {

GraphNode to_public(const graph::Node& node) {
  GraphNode result{.op = node.op,
                   .name = node.name,
                   .inputs = node.inputs,
                   .output = node.output,
                   .weights = node.weights,
                   .attributes = {}};
  for (const auto& [name, value] : node.attributes) result.attributes.emplace(name, value);
  return result;
}

}  // namespace

internal::GraphData::GraphData(graph::Graph graph) : graph_(std::move(graph)) {
  for (const graph::Value& value : graph_.values) {
    values_.push_back({.name = value.name,
                       .rows = std::string(ops::name_of(value.rows)),
                       .type = value.type,
                       .features = value.features});
  }
  for (const graph::Node& node : graph_.nodes) nodes_.push_back(to_public(node));
}

Result<ModelGraph> ModelGraph::of(const Model& model) {
  return base::no_throw([&]() -> Result<ModelGraph> {
    return ModelGraph(std::make_shared<const internal::GraphData>(model.data().graph()));
  });
}

std::span<const GraphValue> ModelGraph::values() const noexcept { return data_->values(); }
std::span<const GraphNode> ModelGraph::nodes() const noexcept { return data_->nodes(); }
std::span<const int> ModelGraph::inputs() const noexcept { return data_->graph().inputs; }
const std::map<std::string, int>& ModelGraph::outputs() const noexcept {
  return data_->graph().outputs;
}

Result<std::string> ModelGraph::to_text() const {
  return base::no_throw([&]() -> Result<std::string> { return graph::to_text(data_->graph()); });
}

Result<std::string> ModelGraph::to_json() const {
  return base::no_throw([&]() -> Result<std::string> { return graph::to_json(data_->graph()); });
}

Result<std::string> ModelGraph::to_dot() const {
  return base::no_throw([&]() -> Result<std::string> { return graph::to_dot(data_->graph()); });
}

Result<std::string> to_dot(std::span<const GraphDrawing> drawings) {
  return base::no_throw([&]() -> Result<std::string> {
    std::vector<graph::Drawing> all;
    for (const GraphDrawing& drawing : drawings) {
      all.push_back({.title = drawing.title, .graph = &drawing.graph.data().graph()});
    }
    return graph::to_dot(all);
  });
}

}  // namespace lanewise
