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

/// What a query and a text are compared by.
enum class RankBy {
  kUsual,  ///< what the model was made for, the first of kTokens (ColBERT), kMixed, kEmbeddings,
           ///< kPairs and kSparse that it can do
  kPairs,  ///< a cross-encoder reads both together
  kEmbeddings,  ///< one vector each
  kSparse,      ///< weights of tokens of the vocabulary (SPLADE, BGE-M3)
  kTokens,      ///< vectors of tokens (ColBERT, BGE-M3)
  kMixed,       ///< kEmbeddings, kSparse and kTokens at once (BGE-M3)
};

/// What each part of a mixed score counts; they are divided by their sum. Those of BGE-M3's model
/// card.
struct RankingWeights {
  double embeddings = 0.4;
  double sparse = 0.2;
  double tokens = 0.4;
};

struct RankingOptions {
  RankBy by = RankBy::kUsual;
  RankingWeights weights{};  ///< of kMixed
};

/// Orders texts by how well they answer a query.
///
/// kPairs gives the scores of sentence-transformers' CrossEncoder: the logit of the model's one
/// label after the activation that its config names, by default a sigmoid (HeadInfo::ranking);
/// ModelInfo::default_prompt is put before the query. All others read each text alone. The query
/// then has the prompt `query`, a text the first prompt of `document`, `passage` and `corpus` that
/// the model has, or else its default prompt; and the score is
///
/// kEmbeddings  ModelInfo::similarity of the vectors that Embedder gives
/// kSparse      ModelInfo::similarity of those that SparseEmbedder gives, which is by default the
///              inner product, and always for BGE-M3
/// kTokens      max_similarity() of those that TokenEmbedder gives; for any other than a
///              late-interaction model divided by the number of the query's vectors, as
///              FlagEmbedding does
/// kMixed       the weighted mean of these three
///
/// A text's score has the same bits alone and among any others. Not thread-safe: use one Reranker
/// per thread; they share the Model.
class LANEWISE_EXPORT Reranker {
 public:
  /// Fails with kUnsupported for a model that cannot rank texts so (a classifier must have one
  /// label) or has no tokenizer; with kInvalidArgument for weights below 0, or that are all 0; and
  /// as Session::create does.
  static Result<Reranker> create(const Model& model, const SessionOptions& options = {},
                                 const RankingOptions& ranking = {});

  Reranker(Reranker&&) noexcept;
  Reranker& operator=(Reranker&&) noexcept;
  ~Reranker();

  /// Returns all of `texts`, best first; equal ones in their order. If query and text together
  /// exceed ModelInfo::max_text_tokens, a cross-encoder truncates the longer one first; a
  /// late-interaction model truncates each to the limit of its kind, others each to
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
