#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "converters/formats/checkpoint.hpp"
#include "converters/pack/tensor_parts.hpp"
#include "converters/quantize/quantize_model.hpp"
#include "lanewise/status.hpp"
#include "runtime/file/safetensors.hpp"
#include "runtime/graph/graph.hpp"

namespace lanewise::converters {

/// A graph whose weights are tensors of a model file, and these tensors in the order of use.
/// Tensors that need no change are views into the checkpoint, which must live as long.
struct PackedGraph {
  graph::Graph graph;
  std::vector<file::SafetensorsInput> tensors;
  /// How weights are stored, by the tensors of their panels or rows; others are plain.
  std::map<std::string, WeightFormat, std::less<>> formats;
  std::vector<std::shared_ptr<const void>> owned;
};

/// What weights are stored as.
struct PackedTypes {
  WeightFormat format = WeightFormat::f32;
  /// The integers of formats that are packed from them.
  WeightRounding rounding{};
  /// Refuse a model that holds an infinity or a NaN: no scale stands for it.
  bool only_finite = false;
};

/// Reads every weight of `graph` from `checkpoint` as f32, joins those that stand in one role, and
/// gives them the layout that the operator wants (layouts.hpp). A weight in two places is stored
/// once. Tensors are called `<node>.<role>`. A name of `parts` means that part.
///
/// Weights of products become what `types` says, and tables of embeddings bf16 or 8-bit integers;
/// what a row or column has one number of (biases, norms) stays f32. The rounding is asked for
/// `<node>.weight`. Attention of a model whose weights are narrower may use products of bf16.
///
/// Fails with kNotFound for a tensor that the checkpoint lacks, with kInvalidArgument for shapes
/// that cannot be joined or a part that its tensor does not have, with kUnsupported for integers;
/// where a weight becomes narrower, with kInvalidArgument for one that is infinite or NaN.
Result<PackedGraph> pack_graph(graph::Graph graph, const Checkpoint& checkpoint,
                               const TensorParts& parts = {}, const PackedTypes& types = {});

}  // namespace lanewise::converters
