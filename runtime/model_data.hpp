#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "lanewise/model.hpp"
#include "runtime/file/mapping.hpp"
#include "runtime/file/safetensors.hpp"
#include "runtime/graph/graph.hpp"
#include "runtime/plan/weights.hpp"
#include "runtime/text/tokenizer.hpp"
#include "runtime/weight_formats.hpp"

namespace lanewise::internal {

/// Metadata keys of a model file (runtime/file/README.md). Every value is JSON text.
inline constexpr std::string_view kFormatKey = "lanewise.format";
inline constexpr std::string_view kGraphKey = "lanewise.graph";
inline constexpr std::string_view kTaskKey = "lanewise.task";
/// How weights are stored: the format (ops/weights/weights.def) by the name of the tensor that
/// holds the panels or rows. Tensors that it does not name are plain.
inline constexpr std::string_view kFormatsKey = "lanewise.formats";
inline constexpr std::string_view kProvenanceKey = "lanewise.provenance";
/// Of files whose weights are integers; nothing that a run needs.
inline constexpr std::string_view kQuantizationKey = "lanewise.quantization";
/// The tokenizer is JSON in a tensor of bytes: in the header it would be parsed, and it is far
/// larger than all else there, whenever the model is opened, even by those who run on ids.
inline constexpr std::string_view kTokenizerTensor = "lanewise.tokenizer";
/// The same for what the decoder writes, where that has other tokens than the source.
inline constexpr std::string_view kTargetTokenizerTensor = "lanewise.target_tokenizer";
/// The format that this build writes, and the newest that it reads. 2: weights have formats by name
/// (kFormatsKey); in files of version 1 they follow from roles and element types.
inline constexpr int kFormatVersion = 2;

/// A tokenizer that is made at the first call of open(). Thread-safe.
class LazyTokenizer {
 public:
  /// The tokenizer that `json` describes; `label` names it in messages. Fails as
  /// text::parse_tokenizer() does. Later calls ignore their arguments; where memory was lacking,
  /// they try again.
  Result<const text::Tokenizer*> open(std::string_view json, const std::string& label);

 private:
  std::mutex mutex_;
  std::shared_ptr<const text::Tokenizer> tokenizer_;  // null until it is made
  Status status_;                                     // why it cannot be made
};

/// What stands behind a Model. Immutable; shared by sessions.
class ModelData final : public plan::Weights {
 public:
  /// Owns the bytes and keeps them in place; `label`, usually the path, names them in messages.
  ///
  /// Checks all that later code relies on and operators cannot see: the graph, that each of its
  /// tensors is there, once a role and aligned for its type, and that no id or position that the
  /// task allows lies beyond an embedding table. Fails with kDataLoss, or kUnsupported for a
  /// newer format or an operator that this build lacks.
  static Result<std::shared_ptr<const ModelData>> create(file::MappedFile file,
                                                         const std::string& label);
  static Result<std::shared_ptr<const ModelData>> create(file::AlignedBuffer buffer,
                                                         const std::string& label);

  const ModelInfo& info() const noexcept { return info_; }
  const graph::Graph& graph() const noexcept { return graph_; }
  const file::SafetensorsView& file() const noexcept { return view_; }
  /// How weights are stored, by the names of their tensors; plain ones are not here.
  const WeightFormats& formats() const noexcept { return formats_; }
  std::optional<TensorView> find_weight(std::string_view name) const override;
  std::optional<ops::WeightFormat> find_format(std::string_view name) const override;
  /// Null for a model without a tokenizer. Made at the first call, since reading a vocabulary takes
  /// longer than all else in opening a model, and who runs on ids needs none; so the first call
  /// may fail, as text::parse_tokenizer() does, and later ones fail alike. Thread-safe.
  Result<const text::Tokenizer*> open_tokenizer() const;
  /// The tokenizer of what a decoder writes: that of the source unless the model has two.
  Result<const text::Tokenizer*> open_target_tokenizer() const;
  bool has_tokenizer() const noexcept { return view_.find(kTokenizerTensor) != nullptr; }
  /// JSON: source files with their hashes, the converter's version; empty where a file has none.
  std::string_view provenance() const noexcept;
  /// JSON: how weights became integers, and what that changed in results; empty where a file has
  /// none.
  std::string_view quantization() const noexcept;

 private:
  using Bytes = std::variant<file::MappedFile, file::AlignedBuffer>;

  ModelData(Bytes bytes, file::SafetensorsView view, std::string label);
  static Result<std::shared_ptr<const ModelData>> create(Bytes bytes, const std::string& label);
  Status parse();
  Result<WeightFormats> read_formats(int version) const;
  Result<const text::Tokenizer*> open(std::string_view tensor, LazyTokenizer& tokenizer) const;
  /// Lets the system map what every run reads, all weights but embedding tables, at once instead of
  /// page by page in the first run. Writers put them one after another.
  void prefetch_weights() const;

  Bytes bytes_;
  file::SafetensorsView view_;  // of bytes_
  std::string label_;
  ModelInfo info_;
  graph::Graph graph_;
  WeightFormats formats_;
  mutable LazyTokenizer tokenizer_;
  mutable LazyTokenizer target_tokenizer_;
};

/// The task part of the metadata: what a ModelInfo holds besides its outputs, which the graph
/// tells.
std::string task_to_json(const ModelInfo& info);

}  // namespace lanewise::internal
