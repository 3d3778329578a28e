#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "converters/formats/checkpoint.hpp"
#include "converters/pack/tensor_parts.hpp"
#include "ops/weights/weight_format.hpp"
#include "runtime/graph/graph.hpp"

namespace lanewise::converters {

/// What pack_graph() would make of a checkpoint, without reading its elements.
struct PackPlan {
  /// What each tensor of the checkpoint becomes: `linear weight, int8`.
  std::map<std::string, std::string, std::less<>> uses;
  /// The bytes of all packed tensors. Exact up to some tens of bytes for a row of a low-precision
  /// weight; weights that a conversion would keep at higher precision are not foreseen.
  int64_t bytes = 0;
};

/// For the graph after its passes, and weights in `format` unless they are kept (PackedTypes).
PackPlan plan_packing(const graph::Graph& graph, const Checkpoint& checkpoint,
                      const TensorParts& parts, ops::WeightFormat format, bool keep);

}  // namespace lanewise::converters
