#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lanewise/convert.hpp"
#include "lanewise/model.hpp"
#include "lanewise/tensor.hpp"
#include "runtime/file/mapping.hpp"
#include "runtime/file/safetensors.hpp"
#include "runtime/graph/graph.hpp"

namespace lanewise::converters {

/// Succeeds if `text` contains every one of `parts`.
template <typename... Parts>
testing::AssertionResult has(const std::string& text, const Parts&... parts) {
  const bool all = (... && (text.find(parts) != std::string::npos));
  return (all ? testing::AssertionSuccess() : testing::AssertionFailure()) << "in: " << text;
}

/// A file that was converted, read back.
struct ConvertedFile {
  file::MappedFile mapped;
  file::SafetensorsView view;
  graph::Graph graph;

  const std::string& metadata(std::string_view key) const;
  /// Empty where the model has none.
  std::string tokenizer() const;
  const graph::Node& node(std::string_view name) const;
  /// The tensor that `node` has in `role`.
  TensorView weight(std::string_view node, const std::string& role) const;
};

/// Names and bytes of all tensors of a file.
std::string bytes_of(const ConvertedFile& out);
/// `source`, of f32, converted to `type`: its values must be exact in every floating-point type,
/// like those of CheckpointFolderTest.
Tensor as_type(const Tensor& source, DataType type);

/// A test with a folder for a tiny BERT of seeded random weights, which is written unchanged or
/// after the test has modified it. No size is a multiple of 16.
class CheckpointFolderTest : public testing::Test {
 protected:
  static constexpr int64_t kVocabulary = 13;
  static constexpr int64_t kHidden = 20;
  static constexpr int64_t kIntermediate = 36;
  static constexpr int64_t kPositions = 24;
  static constexpr int64_t kLayers = 2;

  void SetUp() override;
  void TearDown() override { std::filesystem::remove_all(root_); }

  /// Writes config.json, vocab.txt and model.safetensors.
  void write_all();
  void write_config();
  void write_tensors(const std::string& name, const TensorMap& tensors,
                     const file::Metadata& metadata = {{"format", "pt"}});
  void put(const std::string& name, const std::string& contents);
  /// Writes config.json and model.safetensors.
  void write();
  /// Writes both and opens the folder, expecting success.
  Model loaded();

  /// Adds, or replaces, a tensor of random values.
  void set_tensor(const std::string& name, const Shape& shape);
  void rename_tensor(const std::string& from, const std::string& to);
  void add_prefix(const std::string& prefix);
  void add_pooler();
  /// The folder's BERT becomes one of that class of Transformers, with a pooler and a linear layer
  /// `head` (the prefix of its tensors) of so many outputs.
  void add_head(const std::string& architecture, const std::string& head, int64_t outputs);
  /// It becomes a masked language model.
  void add_masked_head();

  std::string path(const std::string& name) const { return (source_ / name).string(); }
  std::string destination() const { return (root_ / "out" / "model.lw").string(); }
  bool reported(const std::string& part) const;
  /// The number of files below the destination's folder.
  long files_out() const;

  Status convert_folder() { return convert_path(source_.string()); }
  Status convert_path(const std::string& source);
  /// Converts, expecting success.
  ConvertedFile converted();
  /// Converts, expecting a failure of that code, with nothing left behind. Returns the message.
  std::string failure(StatusCode code);
  std::string failure(StatusCode code, const std::string& source);
  std::string textbook_graph();

  std::filesystem::path root_;
  std::filesystem::path source_;
  TensorMap tensors_;
  std::map<std::string, std::string> config_;  // Values are JSON.
  ConvertOptions options_;
  std::vector<std::string> reports_;
};

}  // namespace lanewise::converters
