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

struct RankedText {
  int64_t index = 0;       ///< of the text, from 0
  float score = 0;         ///< larger is better
  int32_t tokens = 0;      ///< of what the model reads, including special tokens, after truncation
  bool truncated = false;  ///< whether that was too long
};

/// Orders texts by how well they answer a query, with a model that reads both together (a
/// cross-encoder), or one that reads each text alone and compares the vectors of tokens (a
/// late-interaction model, ColBERT) or one vector of each text (an embedding model).
///
/// A cross-encoder's scores are those of sentence-transformers' CrossEncoder: the logit of the
/// model's one label after the activation that its config names, by default a sigmoid
/// (HeadInfo::ranking); ModelInfo::default_prompt is put before the query. A late-interaction
/// model's are max_similarity() of the query's and the text's TokenEmbedding. An embedding model's
/// are ModelInfo::similarity of the vectors that Embedder gives for the query with the prompt
/// `query`, and for the text with the first prompt of `document`, `passage` and `corpus` that the
/// model has, or else its default prompt. A text's score has the same bits alone and among any others. Not thread-safe: use one Reranker per thread; they share
/// the Model.
class LANEWISE_EXPORT Reranker {
 public:
  /// Fails with kUnsupported for a model that is neither a classifier with one label, nor a
  /// late-interaction model, nor has sentence embeddings; or that has no tokenizer; and as
  /// Session::create does.
  static Result<Reranker> create(const Model& model, const SessionOptions& options = {});

  Reranker(Reranker&&) noexcept;
  Reranker& operator=(Reranker&&) noexcept;
  ~Reranker();

  /// Returns all of `texts`, best first; equal ones in their order. If query and text together
  /// exceed ModelInfo::max_text_tokens, a cross-encoder truncates the longer one first; a
  /// late-interaction model truncates each to the limit of its kind, an embedding model each to
  /// max_text_tokens.
  ///
  /// `progress` may be empty; it is called between batches with the number of texts done so far.
  /// Fails with kInvalidArgument if a text is not UTF-8, giving its number, counted from 1; with
  /// kCancelled as `options` say.
  Result<std::vector<RankedText>> rank(std::string_view query,
                                       std::span<const std::string_view> texts,
                                       const RunOptions& options = {},
                                       const std::function<void(int64_t done)>& progress = {});

 private:
  class Impl;
  explicit Reranker(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lanewise
