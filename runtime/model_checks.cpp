#include "runtime/model_checks.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "ops/weights/weight.hpp"

namespace lanewise::internal {
namespace {

using base::in_quotes;
using graph::Graph;
using graph::Node;
using graph::RowSymbol;

constexpr std::string_view kIds = "input_ids";
constexpr std::string_view kTypes = "token_type_ids";
constexpr std::string_view kDecoderIds = "decoder_input_ids";

/// What a session lets pass into an input of token ids.
struct Limits {
  int64_t vocabulary = 0;
  int64_t tokens = 0;  // of one sequence
};

Limits limits_of(std::string_view input, const ModelInfo& info) {
  if (input == kDecoderIds) return {info.target_vocabulary_size, info.max_target_tokens};
  // A caller who gives no types means type 0.
  if (input == kTypes) return {std::max(info.token_types, int64_t{1}), info.max_tokens};
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
  // Of an encoder-decoder, the tokens are the decoder's.
  const bool has_decoder = graph.find_input(kDecoderIds) >= 0;
  if (has_decoder && (info.target_vocabulary_size < 1 || info.max_target_tokens < 1)) {
    return data_loss("the graph has a decoder, the task says nothing of its tokens");
  }
  for (const graph::ValueId id : graph.inputs) {
    const graph::Value& value = graph.values[static_cast<size_t>(id)];
    const std::string label = "graph input " + in_quotes(value.name);
    if (value.name != kIds && value.name != kTypes && value.name != kDecoderIds) {
      return unsupported(label + ": expected input_ids, token_type_ids or decoder_input_ids");
    }
    const RowSymbol rows =
        has_decoder && value.name != kDecoderIds ? RowSymbol::kMemoryTokens : RowSymbol::kTokens;
    if (value.rows != rows || value.type != DataType::kI32 || value.features != 1) {
      return data_loss(label + ": expected " + std::string(graph::name_of(rows)) + " x 1 I32");
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

/// A plan alone writes what is refused here (runtime/plan/absorb_norms.hpp): the file format has no
/// norm in a linear.
Status check_linear(const Node& node) {
  if (!node.attributes.has("norm")) return {};
  return data_loss("unknown attribute 'norm': a norm of a model file is a node of its own");
}

/// A file and how its weights are stored.
struct Weights {
  const file::SafetensorsView& file;
  const WeightFormats& formats;
};

/// Rows of the table in that role.
int64_t rows_of(const Node& node, const char* role, const file::TensorEntry& entry,
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

/// Rows `needed` of the table in that role; a role that is missing is the operator's to refuse.
Status check_table(const Node& node, const char* role, int64_t needed, const Weights& weights) {
  const auto it = node.weights.find(role);
  if (it == node.weights.end()) return {};
  const file::TensorEntry& entry = *weights.file.find(it->second.front());
  const int64_t rows = rows_of(node, role, entry, weights);
  if (rows >= needed) return {};
  return data_loss("tensor " + in_quotes(entry.name) + ": the task needs " +
                   std::to_string(needed) + " rows, the file has " + to_string(entry.shape));
}

Status check_positions(const Node& node, const Weights& weights, int64_t tokens) {
  LW_ASSIGN_OR_RETURN(const int64_t offset, node.attributes.get_int("position_offset", 0));
  LW_ASSIGN_OR_RETURN(const int64_t most, node.attributes.get_int("max_positions", tokens));
  if (offset < 0 || offset > INT32_MAX) {
    return data_loss("position_offset " + std::to_string(offset) + " is out of range");
  }
  if (most < tokens) {
    return data_loss("max_positions " + std::to_string(most) + " is less than the " +
                     std::to_string(tokens) + " tokens that the task allows");
  }
  return check_table(node, "position_table", tokens + offset, weights);
}

Status check_embed(const Graph& graph, const Node& node, const Weights& weights,
                   const ModelInfo& info) {
  constexpr std::array kTables = {"table", "type_table"};  // in the order of the inputs
  for (size_t i = 0; i < std::min(node.inputs.size(), kTables.size()); ++i) {
    const std::string& input = graph.values[static_cast<size_t>(node.inputs[i])].name;
    LW_RETURN_IF_ERROR(check_table(node, kTables[i], limits_of(input, info).vocabulary, weights));
  }
  const std::string& ids = graph.values[static_cast<size_t>(node.inputs.front())].name;
  return check_positions(node, weights, limits_of(ids, info).tokens);
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
    Status status;
    if (node.op == "embed") status = check_embed(graph, node, {file, formats}, info);
    if (node.op == "linear") status = check_linear(node);
    if (!status.ok()) return in_node(node, status);
  }
  return {};
}

}  // namespace lanewise::internal
