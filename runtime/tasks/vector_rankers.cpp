#include <iterator>
#include <string>
#include <utility>

#include "base/status_macros.hpp"
#include "lanewise/embedder.hpp"
#include "lanewise/sparse_embedder.hpp"
#include "runtime/tasks/prompts.hpp"
#include "runtime/tasks/rankers.hpp"
#include "runtime/tasks/similarity.hpp"
#include "runtime/tasks/sparse_weights.hpp"
#include "runtime/tasks/task_names.hpp"
#include "runtime/tasks/text_batcher.hpp"
#include "runtime/tasks/token_vectors.hpp"

namespace lanewise::tasks {
namespace {

using RankedTexts = Result<std::vector<RankedText>>;

class EmbeddingRanker : public Ranker {
 public:
  EmbeddingRanker(Embedder embedder, const ModelInfo& info)
      : embedder_(std::move(embedder)), prompts_(info), similarity_(info.similarity) {}

  RankedTexts compare(std::string_view query, std::span<const std::string_view> texts,
                      const RunOptions& options, const TextBatcher::Progress& progress) override {
    LW_RETURN_IF_ERROR(embedder_.set_prompt(prompts_.query));
    const Result<Embeddings> its_vector = embedder_.embed({&query, 1}, options);
    if (!its_vector.ok()) return its_vector.status().with_context("the query");
    LW_RETURN_IF_ERROR(embedder_.set_prompt(prompts_.text));
    LW_ASSIGN_OR_RETURN(const Embeddings vectors, embedder_.embed(texts, options, progress));
    std::vector<RankedText> results;
    for (int64_t i = 0; i < vectors.count; ++i) {
      const auto text = static_cast<size_t>(i);
      results.push_back({.index = i,
                         .score = similarity_of((*its_vector)[0], vectors[i], similarity_),
                         .tokens = vectors.tokens[text],
                         .truncated = vectors.truncated[text]});
    }
    return results;
  }

 private:
  Embedder embedder_;
  RankingPrompts prompts_;
  Similarity similarity_;
};

class SparseRanker : public Ranker {
 public:
  SparseRanker(SparseEmbedder embedder, const ModelInfo& info)
      : embedder_(std::move(embedder)), prompts_(info), similarity_(sparse_similarity(info)) {}

  RankedTexts compare(std::string_view query, std::span<const std::string_view> texts,
                      const RunOptions& options, const TextBatcher::Progress& progress) override {
    LW_RETURN_IF_ERROR(embedder_.set_prompt(prompts_.query));
    const auto its_vector = embedder_.embed({&query, 1}, options);
    if (!its_vector.ok()) return its_vector.status().with_context("the query");
    LW_RETURN_IF_ERROR(embedder_.set_prompt(prompts_.text));
    LW_ASSIGN_OR_RETURN(const auto vectors, embedder_.embed(texts, options, progress));
    std::vector<RankedText> results;
    results.reserve(vectors.size());
    for (const SparseEmbedding& vector : vectors) {
      results.push_back({.index = std::ssize(results),
                         .score = similarity_of(std::span(its_vector->front().weights),
                                                std::span(vector.weights), similarity_),
                         .tokens = vector.tokens,
                         .truncated = vector.truncated});
    }
    return results;
  }

 private:
  SparseEmbedder embedder_;
  RankingPrompts prompts_;
  Similarity similarity_;
};

class TokenRanker : public Ranker {
 public:
  TokenRanker(TokenVectors vectors, const ModelInfo& info)
      : vectors_(std::move(vectors)), prompts_(info) {
    if (!info.head.late_interaction.is_used()) return;
    is_mean_ = false;
    prompts_.query = kQueryPrompt;  // it decides how a text is read
    prompts_.text.clear();
  }

  RankedTexts compare(std::string_view query, std::span<const std::string_view> texts,
                      const RunOptions& options, const TextBatcher::Progress& progress) override {
    LW_ASSIGN_OR_RETURN(const TokenEmbedding its_vectors, vectors_of(query, options));
    LW_RETURN_IF_ERROR(vectors_.set_prompt(prompts_.text));
    std::vector<RankedText> results(texts.size());
    Status status;
    const auto compare_with = [&](size_t text, const TokenEmbedding& vectors) {
      const Result<float> score = is_mean_ ? mean_max_similarity(its_vectors, vectors)
                                           : max_similarity(its_vectors, vectors);
      if (!score.ok()) {
        status = score.status();
        return;
      }
      results[text] = {.index = static_cast<int64_t>(text),
                       .score = *score,
                       .tokens = vectors.tokens,
                       .truncated = vectors.truncated};
    };
    LW_RETURN_IF_ERROR(vectors_.run(texts, options, progress, compare_with));
    LW_RETURN_IF_ERROR(status);
    return results;
  }

 private:
  Result<TokenEmbedding> vectors_of(std::string_view query, const RunOptions& options) {
    LW_RETURN_IF_ERROR(vectors_.set_prompt(prompts_.query));
    TokenEmbedding result;
    const auto take = [&](size_t, TokenEmbedding vectors) { result = std::move(vectors); };
    const Status status = vectors_.run({&query, 1}, options, {}, take);
    if (!status.ok()) return status.with_context("the query");
    return result;
  }

  TokenVectors vectors_;
  RankingPrompts prompts_;
  bool is_mean_ = true;
};

}  // namespace

MadeRanker make_embedding_ranker(const Model& model, const SessionOptions& options) {
  LW_ASSIGN_OR_RETURN(Embedder embedder, Embedder::create(model, options));
  return MadeRanker(std::make_unique<EmbeddingRanker>(std::move(embedder), model.info()));
}

MadeRanker make_sparse_ranker(const Model& model, const SessionOptions& options) {
  LW_ASSIGN_OR_RETURN(SparseEmbedder embedder, SparseEmbedder::create(model, options));
  return MadeRanker(std::make_unique<SparseRanker>(std::move(embedder), model.info()));
}

MadeRanker make_token_ranker(const Model& model, const SessionOptions& options) {
  if (!has_output(model.info(), kTokenEmbeddings)) {
    return unsupported("the model, " + model.info().family + " for " + model.info().task +
                       ", has no vectors of tokens that are made to be compared");
  }
  LW_ASSIGN_OR_RETURN(TokenVectors vectors, TokenVectors::create(model, options));
  return MadeRanker(std::make_unique<TokenRanker>(std::move(vectors), model.info()));
}

}  // namespace lanewise::tasks
