#pragma once

#include <map>
#include <string>
#include <vector>

#include "converters/formats/checkpoint.hpp"
#include "converters/pack/tensor_parts.hpp"
#include "converters/quantize/quantize_model.hpp"
#include "lanewise/status.hpp"
#include "runtime/file/safetensors.hpp"
#include "runtime/graph/graph.hpp"

namespace lanewise::converters {

/// Where consecutive elements of a checkpoint's tensor went: rows of a node's weight. They may be
/// rounded, but not computed otherwise.
struct PackedPiece {
  std::string tensor;
  int64_t offset = 0;  ///< elements of the tensor before it
  Shape shape;
  std::string node;
  std::string role;
  int64_t row = 0;  ///< the first one of the weight; of a vector, its first element
};

/// A graph whose weights are tensors of a model file, and these tensors in the order of use. They
/// are read, and packed, when they are written; until then they refer to the checkpoint and its
/// parts.
struct PackedGraph {
  graph::Graph graph;
  std::vector<file::DeferredTensor> tensors;
  /// How weights are stored, by the tensors of their panels or rows; plain ones are omitted.
  std::map<std::string, WeightFormat, std::less<>> formats;
  std::vector<PackedPiece> pieces;  ///< of all weights that are not computed
};

/// How weights are stored.
struct PackedTypes {
  WeightFormat format = WeightFormat::f32;
  /// The quantised values, for formats that need them.
  WeightRounding rounding{};
  /// Reject a model with an infinity or NaN, which no scale can represent.
  bool only_finite = false;
  /// Keep weights as the checkpoint stores them (kept_weights.hpp) where a format has the same
  /// values, each in its own.
  bool keep = false;
};

/// Joins the tensors of `checkpoint` in each role of `graph`, as f32, and converts them to the
/// operator's layout (layouts.hpp). A weight used twice is stored once.
/// Tensors are called `<node>.<role>`. A name in `parts` means that part.
///
/// Weights of products are stored as `types` says, and embedding tables as bf16 or 8-bit integers;
/// vectors (biases, norms) stay f32. The rounding is called with `<node>.weight`. Attention of a
/// model with low-precision weights may use bf16 products. Weights and tables that are kept are
/// copied without rounding, and attention stays in f32.
///
/// Fails with kNotFound for a tensor that the checkpoint lacks; with kInvalidArgument for shapes
/// that cannot be joined or a part that its tensor does not have. Reading a tensor fails with
/// kUnsupported for integers, and if a weight is stored at lower precision, with kInvalidArgument
/// for an infinity or NaN. For formats with quantised values that happens here.
Result<PackedGraph> pack_graph(graph::Graph graph, const Checkpoint& checkpoint,
                               const TensorParts& parts = {}, const PackedTypes& types = {});

}  // namespace lanewise::converters
