#include "runtime/model_checks.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "ops/description.hpp"
#include "ops/weights/weight.hpp"
#include "runtime/graph/model_inputs.hpp"

namespace lanewise::internal {
namespace {

using base::in_quotes;
using graph::Graph;
using graph::Node;

/// The ids that a session accepts for an input.
struct Limits {
  int64_t vocabulary = 0;
  int64_t tokens = 0;  // of one sequence
};

Limits limits_of(graph::ModelInput input, const ModelInfo& info) {
  switch (input) {
    case graph::ModelInput::kTargetIds:
      return {info.target_vocabulary_size, info.max_target_tokens};
    case graph::ModelInput::kSourceTypes:
      // If a caller passes no types, they are 0.
      return {std::max(info.token_types, int64_t{1}), info.max_tokens};
    case graph::ModelInput::kSourceIds:
      break;
  }
  return {info.vocabulary_size, info.max_tokens};
}

Status check_weight(const std::vector<std::string>& names, const file::SafetensorsView& file) {
  if (names.size() != 1) {
    return data_loss("expected one tensor, found " + std::to_string(names.size()));
  }
  const file::TensorEntry* entry = file.find(names.front());
  if (entry == nullptr) return data_loss("the file has no tensor " + in_quotes(names.front()));
  if (!file::is_aligned(file.view(*entry))) {
    return data_loss("tensor " + in_quotes(names.front()) + " is not aligned for its type");
  }
  return {};
}

Status check_inputs(const Graph& graph, const ModelInfo& info) {
  if (graph::has_target(graph) && (info.target_vocabulary_size < 1 || info.max_target_tokens < 1)) {
    return data_loss("the graph has a decoder, but the task does not describe its tokens");
  }
  for (const graph::ValueId id : graph.inputs) {
    const graph::Value& value = graph.values[static_cast<size_t>(id)];
    const std::string label = "graph input " + in_quotes(value.name);
    const graph::ModelInputSpec* input = graph::find_model_input(value.name);
    if (input == nullptr) {
      return unsupported(label + ": expected input_ids, token_type_ids or decoder_input_ids");
    }
    if (value.rows != input->rows || value.type != DataType::kI32 || value.features != 1) {
      return data_loss(label + ": expected " + std::string(ops::name_of(input->rows)) + " x 1 I32");
    }
  }
  return {};
}

Status check_outputs(const Graph& graph) {
  if (graph.outputs.empty()) return data_loss("the graph has no output");
  for (const auto& [name, id] : graph.outputs) {
    if (graph.values[static_cast<size_t>(id)].type != DataType::kF32) {
      return data_loss("graph output " + in_quotes(name) + ": expected F32");
    }
  }
  return {};
}

/// Plans set attributes to make a model file's graph run faster; the file format does not have
/// them.
Status check_attributes(const Node& node, const ops::OperatorDescription& op) {
  for (const std::string_view name : op.plan_attributes) {
    if (node.attributes.has(name)) {
      return data_loss("unknown attribute " + in_quotes(name) + ": a model file must not have it");
    }
  }
  return {};
}

/// A file and the formats of its weights.
struct Weights {
  const file::SafetensorsView& file;
  const WeightFormats& formats;
};

/// Rows of the table in that role.
int64_t rows_of(const Node& node, std::string_view role, const file::TensorEntry& entry,
                const Weights& weights) {
  const auto format = weights.formats.find(entry.name);
  if (format == weights.formats.end() || !ops::has_panels(format->second)) {
    return entry.shape.empty() ? 0 : entry.shape.front();
  }
  ops::OperatorConfig config;
  for (const auto& [other, names] : node.weights) {
    config.weights[other] = weights.file.view(*weights.file.find(names.front()));
  }
  return ops::info_of(format->second).code->rows(ops::WeightTensors(config, role));
}

/// Fails unless the table in that role has `needed` rows; a missing role is left to the operator.
Status check_table(const Node& node, std::string_view role, int64_t needed,
                   const Weights& weights) {
  const auto it = node.weights.find(std::string(role));
  if (it == node.weights.end()) return {};
  const file::TensorEntry& entry = *weights.file.find(it->second.front());
  const int64_t rows = rows_of(node, role, entry, weights);
  if (rows >= needed) return {};
  return data_loss("tensor " + in_quotes(entry.name) + ": the task needs " +
                   std::to_string(needed) + " rows, the file has " + to_string(entry.shape));
}

/// Every id and position that callers may pass must have a row in its tables.
Status check_tables(const Graph& graph, const Node& node, const ops::OperatorDescription& op,
                    const Weights& weights, const ModelInfo& info) {
  std::vector<int64_t> vocabularies;
  int64_t tokens = 0;
  bool reads_ids = false;
  for (const graph::ValueId id : node.inputs) {
    const graph::Value& value = graph.values[static_cast<size_t>(id)];
    reads_ids = reads_ids || value.type == DataType::kI32;
    const graph::ModelInputSpec* input = graph::find_model_input(value.name);
    const bool is_ids = value.type == DataType::kI32 && input != nullptr;
    const Limits limits = is_ids ? limits_of(input->input, info) : Limits();
    vocabularies.push_back(limits.vocabulary);
    tokens = std::max(tokens, limits.tokens);
  }
  if (!reads_ids) return {};
  if (op.tables == nullptr) {
    return data_loss("operator " + in_quotes(node.op) + " does not take ids of a caller");
  }
  LW_ASSIGN_OR_RETURN(const std::vector<ops::TableRows> tables,
                      op.tables(node.attributes, {vocabularies, tokens}));
  for (const ops::TableRows& table : tables) {
    LW_RETURN_IF_ERROR(check_table(node, table.role, table.rows, weights));
  }
  return {};
}

Status in_node(const Node& node, const Status& status) {
  return status.with_context("node " + in_quotes(node.name));
}

}  // namespace

Status check_weights(const Graph& graph, const file::SafetensorsView& file) {
  for (const Node& node : graph.nodes) {
    for (const auto& [role, names] : node.weights) {
      const Status status = check_weight(names, file);
      if (!status.ok()) return in_node(node, status.with_context("weight " + in_quotes(role)));
    }
  }
  return {};
}

Status check_interface(const Graph& graph, const file::SafetensorsView& file,
                       const WeightFormats& formats, const ModelInfo& info) {
  LW_RETURN_IF_ERROR(check_inputs(graph, info));
  LW_RETURN_IF_ERROR(check_outputs(graph));
  for (const Node& node : graph.nodes) {
    const ops::OperatorDescription& op = *ops::find_operator(node.op);
    Status status = check_attributes(node, op);
    if (status.ok()) status = check_tables(graph, node, op, {file, formats}, info);
    if (!status.ok()) return in_node(node, status);
  }
  return {};
}

}  // namespace lanewise::internal
