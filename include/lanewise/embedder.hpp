#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "lanewise/export.hpp"
#include "lanewise/model.hpp"
#include "lanewise/session.hpp"
#include "lanewise/status.hpp"

namespace lanewise {

/// Vectors of texts, in the order of the texts.
struct Embeddings {
  int64_t count = 0;
  int64_t dimension = 0;
  std::vector<float> values;    ///< [count, dimension]
  std::vector<int32_t> tokens;  ///< [count], special tokens included, after cutting
  std::vector<bool> truncated;  ///< [count]

  std::span<const float> operator[](int64_t index) const {
    return {values.data() + index * dimension, static_cast<size_t>(dimension)};
  }
};

/// Turns texts into vectors: tokenizer, encoder, pooling.
///
/// Texts are batched by length, without padding; a text's vector has the same bits alone and in
/// any batch. Not thread-safe: one Embedder per thread, they share the Model.
class LANEWISE_EXPORT Embedder {
 public:
  /// Fails with kUnsupported for a model without sentence embeddings or without a tokenizer, and
  /// as Session::create does.
  static Result<Embedder> create(const Model& model, const SessionOptions& options = {});

  Embedder(Embedder&&) noexcept;
  Embedder& operator=(Embedder&&) noexcept;
  ~Embedder();

  /// Puts the prompt `name` of the model before each text from now on. Before the first call it is
  /// ModelInfo::default_prompt; "" takes none.
  ///
  /// Fails with kInvalidArgument, listing the known ones, and changes nothing where the model has
  /// no such prompt.
  Status set_prompt(std::string_view name);

  /// Texts longer than ModelInfo::max_text_tokens are cut. Fails with kInvalidArgument, naming the
  /// text by its number from 1, for a text that is not UTF-8; with kUnsupported if there is a
  /// prompt whose tokens should not count in the vectors (ModelInfo::pools_prompt). `progress`,
  /// where given, is called between batches with the texts done so far.
  Result<Embeddings> embed(std::span<const std::string_view> texts, const RunOptions& options = {},
                           const std::function<void(int64_t done)>& progress = {});

  int64_t dimension() const noexcept;

 private:
  class Impl;
  explicit Embedder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lanewise
