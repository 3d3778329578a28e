#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "lanewise/export.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"
#include "lanewise/tensor.hpp"

/// What a model is made of: its tensors, its graph, and where it came from. ModelInfo, in
/// lanewise/model.hpp, says what it takes and gives.

namespace lanewise {

namespace internal {
class GraphData;
}

/// A tensor of a model, as it is stored.
struct TensorInfo {
  std::string name;
  DataType type = DataType::kF32;  ///< of the stored elements; int4 weights are pairs in kU8
  Shape shape;                     ///< of the stored elements: panels of packed weights
  int64_t bytes = 0;
  std::string format = {};  ///< of a weight: `f32`, `bf16`, `i8`, `i4g32`, ...; empty for others
};

struct ModelContents {
  std::vector<TensorInfo> tensors;  ///< in name order, with the tokenizers' texts among them
  int64_t parameters = 0;           ///< numbers in all weights together
  std::string weights_type;         ///< what most weights are stored as: `f32`, `bf16`, `int8`, ...
  bool has_tokenizer = false;
  /// JSON: the files that the model was made from, each with its SHA-256; empty for a checkpoint
  /// that was converted in memory.
  std::string provenance;
  /// JSON: how weights were quantised, and the error that this makes in the model's results, as
  /// measured by the conversion; empty for weights that were not.
  std::string quantization;
};

/// Lists what `model` holds. Reads no weights. Fails with kResourceExhausted for lack of memory.
/// Thread-safe.
LANEWISE_EXPORT Result<ModelContents> inspect(const Model& model);

/// True for a file that `lanewise convert` wrote, told by its content; false for anything else, a
/// file that cannot be read included. Thread-safe.
LANEWISE_EXPORT bool is_model_file(const std::string& path) noexcept;

/// A matrix [rows, features] that flows between the nodes of a graph.
struct GraphValue {
  std::string name;
  std::string rows;  ///< what it has a row for, known when a batch arrives: `source_tokens`, ...
  DataType type = DataType::kF32;
  int64_t features = 0;
};

/// One operator, applied to values and weights.
struct GraphNode {
  using Attribute = std::variant<bool, int64_t, double, std::string>;

  std::string op;           ///< `linear`, `attention`, ...
  std::string name;         ///< where it stands in the model: `encoder.layer.0.attention`; unique
  std::vector<int> inputs;  ///< indices of values
  int output = 0;           ///< index of the value that it writes
  /// Names of tensors, by the role that they have for the operator: `weight`, `bias`, ... Several
  /// in one role are one below the other; a converted model has one.
  std::map<std::string, std::vector<std::string>> weights;
  std::map<std::string, Attribute> attributes;  ///< `eps`, `heads`, ...
};

/// The graph of a model, as a list of nodes in an order in which they can run.
///
/// A handle to immutable data; copying it is cheap. Thread-safe.
class LANEWISE_EXPORT ModelGraph {
 public:
  /// The graph that a Session runs: after fusion. For the one before it see textbook_graph() in
  /// lanewise/convert.hpp. Fails with kResourceExhausted for lack of memory.
  static Result<ModelGraph> of(const Model& model);

  std::span<const GraphValue> values() const noexcept;
  std::span<const GraphNode> nodes() const noexcept;
  /// Indices of the values that a caller gives: `input_ids`, ...
  std::span<const int> inputs() const noexcept;
  /// Indices of the values that are results, by the names of ModelInfo::outputs.
  const std::map<std::string, int>& outputs() const noexcept;

  /// For people: one line for each input, node and output, with control characters as `?`.
  Result<std::string> to_text() const;
  /// As model files store it.
  Result<std::string> to_json() const;
  /// For Graphviz.
  Result<std::string> to_dot() const;

  /// For the library's own layers.
  const internal::GraphData& data() const noexcept { return *data_; }
  explicit ModelGraph(std::shared_ptr<const internal::GraphData> data) : data_(std::move(data)) {}

 private:
  std::shared_ptr<const internal::GraphData> data_;
};

/// A graph and its title, for a drawing of several.
struct GraphDrawing {
  std::string title;
  ModelGraph graph;
};

/// One drawing for Graphviz with each graph in a frame of its own. Fails with kResourceExhausted
/// for lack of memory. Thread-safe.
LANEWISE_EXPORT Result<std::string> to_dot(std::span<const GraphDrawing> drawings);

}  // namespace lanewise
