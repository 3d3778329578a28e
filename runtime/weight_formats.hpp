#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "lanewise/status.hpp"
#include "ops/weights/weight_format.hpp"
#include "runtime/file/safetensors.hpp"
#include "runtime/graph/graph.hpp"

namespace lanewise::internal {

/// The formats of the weights of a model file, by the names of the tensors that hold their panels
/// or rows.
using WeightFormats = std::map<std::string, ops::WeightFormat, std::less<>>;

/// A JSON object of names: {"decoder.0.output.weight": "i8", ...}
std::string formats_to_json(const WeightFormats& formats);

/// Fails with kDataLoss for other JSON; with kUnsupported, listing the known ones, for a format
/// that this build lacks.
Result<WeightFormats> parse_formats(std::string_view json);

/// The formats of a file of version 1, which does not state them: they follow from the element type
/// of a weight in the roles `weight` and `table`. An undefined combination is left out, for its
/// operator to reject. Every tensor of `graph` must be in `file`.
WeightFormats infer_formats(const graph::Graph& graph, const file::SafetensorsView& file);

}  // namespace lanewise::internal
