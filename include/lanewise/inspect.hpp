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

/// The contents of a model: its tensors, its graph and its provenance. Its inputs and outputs are
/// described by ModelInfo in lanewise/model.hpp.

namespace lanewise {

namespace internal {
class GraphData;
}

/// A tensor of a model as stored.
struct TensorInfo {
  std::string name;
  DataType type = DataType::kF32;  ///< of the stored elements; int4 weights are pairs in kU8
  Shape shape;                     ///< of the stored elements; packed weights are panels
  int64_t bytes = 0;
  std::string format = {};  ///< weight format: `f32`, `bf16`, `i8`, `i4g32`, ...; empty for others
};

struct ModelContents {
  std::vector<TensorInfo> tensors;  ///< sorted by name, including the texts of tokenizers
  int64_t parameters = 0;           ///< the total number of values in all weights
  std::string weights_type;         ///< of most weights: `f32`, `bf16`, `int8`, ...
  bool has_tokenizer = false;
  /// JSON: the files that the model was made from, with their SHA-256; empty for a checkpoint that
  /// was converted in memory.
  std::string provenance;
  /// JSON: how weights were quantised, and the resulting error of the model's outputs as measured
  /// by the conversion; empty if they were not quantised.
  std::string quantization;
};

/// Lists the contents of `model` without reading weights. Fails with kResourceExhausted if memory
/// runs out. Thread-safe.
LANEWISE_EXPORT Result<ModelContents> inspect(const Model& model);

/// Reads all tensors of `model` and compares them with the checksums that its file has had since it
/// was converted. Finds damage of the medium, not forgery. The header is not covered: damage there
/// is found when the file is opened.
///
/// Fails with kDataLoss, naming the first damaged tensors; with kNotFound if the file has no
/// checksums, like those of older versions and models that were converted in memory. Thread-safe.
LANEWISE_EXPORT Status verify(const Model& model);

/// Returns whether the contents of `path` show that `lanewise convert` wrote it. False for anything
/// else, including a file that cannot be read. Fails with kResourceExhausted if memory runs out.
/// Thread-safe.
LANEWISE_EXPORT Result<bool> is_model_file(const std::string& path);

/// A matrix [rows, features] that flows between the nodes of a graph.
struct GraphValue {
  std::string name;
  std::string rows;  ///< what each row belongs to: `source_tokens`, ...; a batch gives their number
  DataType type = DataType::kF32;
  int64_t features = 0;
};

/// One operator, applied to values and weights.
struct GraphNode {
  using Attribute = std::variant<bool, int64_t, double, std::string>;

  std::string op;           ///< `linear`, `attention`, ...
  std::string name;         ///< unique; its place in the model: `encoder.layer.0.attention`
  std::vector<int> inputs;  ///< indices of values
  int output = 0;           ///< index of the value that it writes
  /// Names of tensors by their role for the operator: `weight`, `bias`, ... Several in one role are
  /// concatenated along their first dimension; a converted model has one.
  std::map<std::string, std::vector<std::string>> weights;
  std::map<std::string, Attribute> attributes;  ///< `eps`, `heads`, ...
};

/// The graph of a model as a list of nodes in an executable order.
///
/// A handle to immutable data. Cheap to copy; thread-safe.
class LANEWISE_EXPORT ModelGraph {
 public:
  /// Returns the graph that a Session runs, after fusion. For the graph before fusion see
  /// textbook_graph() in lanewise/convert.hpp. Fails with kResourceExhausted if memory runs out.
  static Result<ModelGraph> of(const Model& model);

  std::span<const GraphValue> values() const noexcept;
  std::span<const GraphNode> nodes() const noexcept;
  /// Indices of the values that the caller supplies: `input_ids`, ...
  std::span<const int> inputs() const noexcept;
  /// Indices of the values that are results, by the names of ModelInfo::outputs.
  const std::map<std::string, int>& outputs() const noexcept;

  /// A listing for people: one line per input, node and output; control characters become `?`.
  Result<std::string> to_text() const;
  /// The JSON that model files store.
  Result<std::string> to_json() const;
  /// A drawing for Graphviz.
  Result<std::string> to_dot() const;

  /// For internal use by the library.
  const internal::GraphData& data() const noexcept { return *data_; }
  explicit ModelGraph(std::shared_ptr<const internal::GraphData> data) : data_(std::move(data)) {}

 private:
  std::shared_ptr<const internal::GraphData> data_;
};

/// A graph with a title, for a drawing of several.
struct GraphDrawing {
  std::string title;
  ModelGraph graph;
};

/// One drawing for Graphviz, with each graph in its own frame. Fails with kResourceExhausted if
/// memory runs out. Thread-safe.
LANEWISE_EXPORT Result<std::string> to_dot(std::span<const GraphDrawing> drawings);

}  // namespace lanewise
