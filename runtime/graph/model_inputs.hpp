#pragma once

#include <string_view>

#include "runtime/graph/graph.hpp"

namespace lanewise::graph {

/// The inputs that a model file's graph may have; each is [rows, 1] I32.
enum class ModelInput { kSourceIds, kSourceTypes, kTargetIds };

/// Their names in graphs and in the interface, which are Transformers'.
inline constexpr std::string_view kSourceIds = "input_ids";
inline constexpr std::string_view kSourceTypes = "token_type_ids";
inline constexpr std::string_view kTargetIds = "decoder_input_ids";

struct ModelInputSpec {
  ModelInput input;
  std::string_view name;
  RowSymbol rows;
};

/// The input with that name, or null.
const ModelInputSpec* find_model_input(std::string_view name) noexcept;

/// Whether the graph has target tokens besides source tokens: an encoder-decoder.
bool has_target(const Graph& graph);

}  // namespace lanewise::graph
