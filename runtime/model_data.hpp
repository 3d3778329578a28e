#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "lanewise/model.hpp"
#include "runtime/file/mapping.hpp"
#include "runtime/file/safetensors.hpp"
#include "runtime/graph/graph.hpp"
#include "runtime/text/tokenizer.hpp"

namespace lanewise::internal {

/// Metadata keys of a model file (runtime/file/README.md). Every value is JSON text.
inline constexpr std::string_view kFormatKey = "lanewise.format";
inline constexpr std::string_view kGraphKey = "lanewise.graph";
inline constexpr std::string_view kTaskKey = "lanewise.task";
inline constexpr std::string_view kTokenizerKey = "lanewise.tokenizer";
inline constexpr std::string_view kProvenanceKey = "lanewise.provenance";
/// The format that this build writes, and the newest that it reads.
inline constexpr int kFormatVersion = 1;

/// What stands behind a Model. Immutable; shared by sessions.
class ModelData {
 public:
  /// Owns `file`; `label` names it in messages.
  static Result<std::shared_ptr<const ModelData>> create(file::MappedFile file,
                                                         const std::string& label);
  static Result<std::shared_ptr<const ModelData>> create(file::AlignedBuffer buffer,
                                                         const std::string& label);

  const ModelInfo& info() const noexcept { return info_; }
  const graph::Graph& graph() const noexcept { return graph_; }
  const file::SafetensorsView& file() const noexcept { return view_; }
  /// Null for a model without a tokenizer.
  const text::Tokenizer* tokenizer() const noexcept { return tokenizer_.get(); }
  /// JSON: source files with their hashes, the converter's version.
  std::string_view provenance() const noexcept { return provenance_; }

 private:
  Status parse(std::span<const std::byte> bytes, const std::string& label);

  file::MappedFile mapping_;
  file::AlignedBuffer buffer_;
  file::SafetensorsView view_;
  ModelInfo info_;
  graph::Graph graph_;
  std::shared_ptr<const text::Tokenizer> tokenizer_;
  std::string provenance_;
};

/// The task part of the metadata: what a ModelInfo holds besides its outputs, which the graph
/// tells.
std::string task_to_json(const ModelInfo& info);

}  // namespace lanewise::internal
