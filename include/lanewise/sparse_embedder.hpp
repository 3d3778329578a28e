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

/// The weight of a token of the vocabulary in a text.
struct TokenWeight {
  int32_t id = 0;
  float weight = 0;  ///< above 0
};

/// A vector with one feature for each token of the vocabulary, nearly all of which are 0.
struct SparseEmbedding {
  std::vector<TokenWeight> weights;  ///< those above 0, by id
  int32_t tokens = 0;                ///< of the text, including special tokens, after truncation
  bool truncated = false;            ///< whether the text was too long
};

/// Computes sparse embeddings of texts: with a masked language model (SPLADE), for each token of the
/// vocabulary, log(1 + x) of its largest logit x in the text, if that is above 0; or with a model
/// that gives each token of the text a weight (BGE-M3), the largest of each.
///
/// Weights are those of sentence-transformers' SparseEncoder and of FlagEmbedding. Texts are batched
/// by length, without padding; a text's weights have the same bits alone and in any batch. Not
/// thread-safe: use one SparseEmbedder per thread; they share the Model.
///
/// Source: Formal et al. 2021, arXiv:2109.10086.
class LANEWISE_EXPORT SparseEmbedder {
 public:
  /// Fails with kUnsupported for a model without such a head or without a tokenizer, and as
  /// Session::create does.
  static Result<SparseEmbedder> create(const Model& model, const SessionOptions& options = {});

  SparseEmbedder(SparseEmbedder&&) noexcept;
  SparseEmbedder& operator=(SparseEmbedder&&) noexcept;
  ~SparseEmbedder();

  /// As Embedder::set_prompt().
  Status set_prompt(std::string_view name);

  /// Embeds `texts`, in their order. Longer ones are truncated to ModelInfo::max_text_tokens.
  ///
  /// `progress` may be empty; it is called between batches with the number of texts done so far.
  /// Fails with kInvalidArgument if a text is not UTF-8, giving its number, counted from 1; with
  /// kCancelled as `options` say.
  Result<std::vector<SparseEmbedding>> embed(
      std::span<const std::string_view> texts, const RunOptions& options = {},
      const std::function<void(int64_t done)>& progress = {});

 private:
  class Impl;
  explicit SparseEmbedder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lanewise
