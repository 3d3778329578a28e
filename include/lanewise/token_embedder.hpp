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

/// The vectors of one text's tokens, in their order.
struct TokenEmbedding {
  int64_t count = 0;  ///< of vectors: fewer than `tokens` if some tokens get none
  int64_t dimension = 0;
  std::vector<float> values;  ///< [count, dimension]
  std::vector<int32_t> ids;   ///< [count], the token of each vector
  int32_t tokens = 0;         ///< of the text, including special tokens, after truncation
  bool truncated = false;     ///< whether the text was too long

  std::span<const float> operator[](int64_t index) const {
    return {values.data() + index * dimension, static_cast<size_t>(dimension)};
  }
};

/// For each vector of the query its largest inner product with a vector of the document; returns
/// their sum (MaxSim), or -inf for a document without vectors. A product that is NaN makes it NaN.
///
/// Sums are in double precision. Fails with kInvalidArgument if the dimensions differ. Thread-safe.
/// Source: Khattab and Zaharia 2020, arXiv:2004.12832.
LANEWISE_EXPORT Result<float> max_similarity(const TokenEmbedding& query,
                                             const TokenEmbedding& document);

/// Computes a vector for each token of a text: the model's `token_embeddings` if it has any
/// (ColBERT, BGE-M3), else the encoder's last hidden states.
///
/// Late-interaction models (HeadInfo::late_interaction) read queries and documents in different
/// ways; ModelInfo::max_text_tokens is then replaced by the limit of each kind. Texts are batched by
/// length, without padding; a text's vectors have the same bits alone and in any batch. Not
/// thread-safe: use one TokenEmbedder per thread; they share the Model.
class LANEWISE_EXPORT TokenEmbedder {
 public:
  /// Fails with kUnsupported for a model without vectors of tokens or without a tokenizer, and as
  /// Session::create does.
  static Result<TokenEmbedder> create(const Model& model, const SessionOptions& options = {});

  TokenEmbedder(TokenEmbedder&&) noexcept;
  TokenEmbedder& operator=(TokenEmbedder&&) noexcept;
  ~TokenEmbedder();

  /// As Embedder::set_prompt(). With "query", a late-interaction model reads the following texts as
  /// queries, with any other name as documents, which it does initially.
  Status set_prompt(std::string_view name);

  /// Embeds `texts`, in their order. Longer ones are truncated.
  ///
  /// `progress` may be empty; it is called between batches with the number of texts done so far.
  /// Fails with kInvalidArgument if a text is not UTF-8 or has no tokens, giving its number, counted
  /// from 1; with kCancelled as `options` say.
  Result<std::vector<TokenEmbedding>> embed(std::span<const std::string_view> texts,
                                            const RunOptions& options = {},
                                            const std::function<void(int64_t done)>& progress = {});

  /// The numbers of a vector.
  int64_t dimension() const noexcept;

 private:
  class Impl;
  explicit TokenEmbedder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lanewise
