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

/// One vector per text, in the order of the texts.
struct Embeddings {
  int64_t count = 0;
  int64_t dimension = 0;
  std::vector<float> values;    ///< [count, dimension]
  std::vector<int32_t> tokens;  ///< [count], including special tokens, after truncation
  std::vector<bool> truncated;  ///< [count], whether the text was too long

  std::span<const float> operator[](int64_t index) const {
    return {values.data() + index * dimension, static_cast<size_t>(dimension)};
  }
};

/// Vectors of small integers, for indexes that take a fraction of the memory.
struct QuantizedEmbeddings {
  int64_t count = 0;
  int64_t dimension = 0;       ///< numbers of a vector; of binary ones, an eighth of the bits
  std::vector<int8_t> values;  ///< [count, dimension]

  std::span<const int8_t> operator[](int64_t index) const {
    return {values.data() + index * dimension, static_cast<size_t>(dimension)};
  }
};

/// One bit for each number: whether it is above 0. Eight of them are a byte, the first one in its
/// highest bit; 128 is subtracted. Compare such vectors by the number of different bits.
///
/// The numbers of sentence-transformers' quantize_embeddings(precision="binary"). Fails with
/// kInvalidArgument unless the dimension is a multiple of 8. Thread-safe.
LANEWISE_EXPORT Result<QuantizedEmbeddings> quantize_binary(const Embeddings& embeddings);

/// What int8 covers of each number of a vector.
struct EmbeddingRanges {
  std::vector<float> low;   ///< [dimension], becomes -128
  std::vector<float> high;  ///< [dimension], becomes 127; at least `low`
};

/// The steps of (high - low) / 255 between `low` and each number, rounded down, less 128. What lies
/// outside becomes -128 or 127.
///
/// The numbers of sentence-transformers' quantize_embeddings(precision="int8", ranges=...), so a
/// vector does not depend on the others. Fails with kInvalidArgument for ranges of another
/// dimension, or one that ends below its beginning or is not finite. Thread-safe.
LANEWISE_EXPORT Result<QuantizedEmbeddings> quantize_int8(const Embeddings& embeddings,
                                                          const EmbeddingRanges& ranges);

/// Computes sentence embeddings: tokenizer, encoder, pooling.
///
/// Texts are batched by length, without padding. A text's vector has the same bits alone and in
/// any batch. Not thread-safe: use one Embedder per thread; they share the Model.
class LANEWISE_EXPORT Embedder {
 public:
  /// Fails with kUnsupported for a model without sentence embeddings or without a tokenizer, and
  /// as Session::create does.
  static Result<Embedder> create(const Model& model, const SessionOptions& options = {});

  Embedder(Embedder&&) noexcept;
  Embedder& operator=(Embedder&&) noexcept;
  ~Embedder();

  /// Prepends the model's prompt `name` to each text from now on; "" means no prompt. Initially
  /// ModelInfo::default_prompt is used.
  ///
  /// If the model has no such prompt, fails with kInvalidArgument and changes nothing; the message
  /// lists the model's prompts.
  Status set_prompt(std::string_view name);

  /// Embeds `texts`. Longer ones are truncated to ModelInfo::max_text_tokens.
  ///
  /// `progress` may be empty; it is called between batches with the number of texts done so far.
  /// Fails with kInvalidArgument if a text is not UTF-8, and the message gives its number, counted
  /// from 1; with kUnsupported if a prompt is in use and the model excludes its tokens from pooling
  /// (ModelInfo::pools_prompt).
  Result<Embeddings> embed(std::span<const std::string_view> texts, const RunOptions& options = {},
                           const std::function<void(int64_t done)>& progress = {});

  /// Keeps only the first `count` numbers of each vector from now on, for models that were trained
  /// for it (Matryoshka). Normalises them again if the model normalises its vectors. Fails with
  /// kInvalidArgument, and changes nothing, unless `count` is from 1 to the model's dimension.
  Status set_dimension(int64_t count);

  /// The numbers of a vector.
  int64_t dimension() const noexcept;

 private:
  class Impl;
  explicit Embedder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lanewise
