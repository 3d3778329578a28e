#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "lanewise/model.hpp"
#include "runtime/exec/process_mutex.hpp"
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
/// How weights are stored: maps the name of the tensor that holds the panels or rows to the format
/// (ops/weights/weights.def). Tensors without an entry are plain.
inline constexpr std::string_view kFormatsKey = "lanewise.formats";
inline constexpr std::string_view kProvenanceKey = "lanewise.provenance";
/// For files with quantised weights; not needed to run them.
inline constexpr std::string_view kQuantizationKey = "lanewise.quantization";
/// For models with a chat template: runtime/chat/stored_templates.hpp.
inline constexpr std::string_view kChatTemplateKey = "lanewise.chat_template";
/// The tokenizer is JSON in a tensor of bytes: in the header, where it would be the largest part by
/// far, it would be parsed whenever the model is opened, even by callers that pass ids.
inline constexpr std::string_view kTokenizerTensor = "lanewise.tokenizer";
/// The same for the decoder's tokens, if they differ from the source's.
inline constexpr std::string_view kTargetTokenizerTensor = "lanewise.target_tokenizer";
/// The checksum of each other tensor (runtime/file/checksums.hpp); not needed to run them.
inline constexpr std::string_view kChecksumsTensor = "lanewise.checksums";
/// The version that this build writes, and the newest that it reads. 2: weights have formats by
/// name (kFormatsKey); in files of version 1 they follow from roles and element types.
inline constexpr int kFormatVersion = 2;

/// A tokenizer that is built at the first call of open(). Thread-safe.
class LazyTokenizer {
 public:
  /// The tokenizer that `json` describes; `label` names it in messages. Fails as
  /// text::parse_tokenizer() does. Later calls ignore their arguments, but retry if memory was
  /// exhausted.
  Result<const text::Tokenizer*> open(std::string_view json, const std::string& label);

 private:
  exec::ProcessMutex mutex_;
  std::shared_ptr<const text::Tokenizer> tokenizer_;  // null until it is built
  Status status_;                                     // why it cannot be built
};

/// The data of a Model. Immutable; shared by sessions.
class ModelData final : public plan::Weights {
 public:
  /// Owns the bytes and keeps them in place; `label`, usually the path, names them in messages.
  ///
  /// Checks all that later code relies on and operators cannot see: the graph; that each of its
  /// tensors exists, once per role and aligned for its type; and that no id or position that the
  /// task allows is beyond an embedding table. Fails with kDataLoss, or with kUnsupported for a
  /// newer format or an operator that this build lacks.
  static Result<std::shared_ptr<const ModelData>> create(file::MappedFile file,
                                                         const std::string& label);
  static Result<std::shared_ptr<const ModelData>> create(file::AlignedBuffer buffer,
                                                         const std::string& label);

  const ModelInfo& info() const noexcept { return info_; }
  const graph::Graph& graph() const noexcept { return graph_; }
  const file::SafetensorsView& file() const noexcept { return view_; }
  /// How weights are stored, by the names of their tensors; plain ones are omitted.
  const WeightFormats& formats() const noexcept { return formats_; }
  std::optional<TensorView> find_weight(std::string_view name) const override;
  std::optional<ops::WeightFormat> find_format(std::string_view name) const override;
  /// Null for a model without a tokenizer. Built at the first call, since reading a vocabulary
  /// takes longer than the rest of opening a model, and callers that pass ids need none. The first
  /// call may therefore fail, as text::parse_tokenizer() does, and later ones fail alike.
  /// Thread-safe.
  Result<const text::Tokenizer*> open_tokenizer() const;
  /// The tokenizer of the decoder's tokens: that of the source unless the model has two.
  Result<const text::Tokenizer*> open_target_tokenizer() const;
  bool has_tokenizer() const noexcept { return view_.find(kTokenizerTensor) != nullptr; }
  /// JSON: source files with their hashes, the converter's version; empty if the file has none.
  std::string_view provenance() const noexcept;
  /// JSON: chat templates as chat::to_json() writes them, unchecked; empty if the file has none.
  std::string_view chat_template() const noexcept;
  /// JSON: how weights were quantised, and how that changed results; empty if the file has none.
  std::string_view quantization() const noexcept;
  /// Before the first run: maps everything that each run reads, all weights but embedding tables,
  /// at once instead of page by page. Writers store them contiguously. Not done when a model is
  /// opened, since many callers only inspect it. Thread-safe.
  void prefetch_weights() const;

 private:
  using Bytes = std::variant<file::MappedFile, file::AlignedBuffer>;

  ModelData(Bytes bytes, file::SafetensorsView view, std::string label);
  static Result<std::shared_ptr<const ModelData>> create(Bytes bytes, const std::string& label);
  Status parse();
  Result<WeightFormats> read_formats(int version) const;
  Result<const text::Tokenizer*> open(std::string_view tensor, LazyTokenizer& tokenizer) const;
  /// The metadata of that name; empty if the file has none.
  std::string_view text_of(std::string_view key) const noexcept;
  void prefetch_now() const;

  Bytes bytes_;
  file::SafetensorsView view_;  // of bytes_
  std::string label_;
  ModelInfo info_;
  graph::Graph graph_;
  WeightFormats formats_;
  mutable LazyTokenizer tokenizer_;
  mutable LazyTokenizer target_tokenizer_;
  mutable std::once_flag prefetched_;
};

/// The task part of the metadata: a ModelInfo without its outputs, which are in the graph.
std::string task_to_json(const ModelInfo& info);

}  // namespace lanewise::internal
