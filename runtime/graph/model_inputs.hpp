#pragma once

#include <string_view>

#include "runtime/graph/graph.hpp"

namespace lanewise::graph {

/// What an input of a model file's graph is. Every graph input of a model file is one of these; each
/// is [rows, 1] I32.
enum class ModelInput { kSourceIds, kSourceTypes, kTargetIds };

/// The names that graphs and callers use for them, which are Transformers'.
inline constexpr std::string_view kSourceIds = "input_ids";
inline constexpr std::string_view kSourceTypes = "token_type_ids";
inline constexpr std::string_view kTargetIds = "decoder_input_ids";

struct ModelInputSpec {
  ModelInput input;
  std::string_view name;
  RowSymbol rows;
};

/// The input of that name, or null.
const ModelInputSpec* find_model_input(std::string_view name) noexcept;

/// Whether the graph has tokens of a target beside those of a source: an encoder-decoder.
bool has_target(const Graph& graph);

}  // namespace lanewise::graph
