#pragma once

#include "lanewise/model.hpp"
#include "lanewise/status.hpp"
#include "runtime/file/safetensors.hpp"
#include "runtime/graph/graph.hpp"
#include "runtime/weight_formats.hpp"

namespace lanewise::internal {

/// Fails with kDataLoss, naming the node and the tensor, unless every weight of `graph` is one
/// tensor of `file` that can be read in place.
Status check_weights(const graph::Graph& graph, const file::SafetensorsView& file);

/// Fails with kDataLoss unless `graph` takes token ids and token types of one row per token, has
/// outputs in F32 and no linear with a norm, and has a row in its embedding tables for each id,
/// type and position that sessions accept by `info`. Gathers check nothing during a run. Call after
/// check_weights().
Status check_interface(const graph::Graph& graph, const file::SafetensorsView& file,
                       const WeightFormats& formats, const ModelInfo& info);

}  // namespace lanewise::internal
