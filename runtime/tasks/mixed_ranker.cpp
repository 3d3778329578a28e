#include <cmath>
#include <string>
#include <utility>

#include "base/status_macros.hpp"
#include "lanewise/sparse_embedder.hpp"
#include "lanewise/token_embedder.hpp"
#include "runtime/tasks/prompts.hpp"
#include "runtime/tasks/rankers.hpp"
#include "runtime/tasks/similarity.hpp"
#include "runtime/tasks/sparse_weights.hpp"
#include "runtime/tasks/task_names.hpp"
#include "runtime/tasks/text_batcher.hpp"
#include "runtime/tasks/token_vectors.hpp"

namespace lanewise::tasks {
namespace {

/// What one run of the encoder gives for a text.
struct MixedVectors {
  std::vector<float> embedding;
  std::vector<TokenWeight> weights;
  TokenEmbedding tokens;
};

class MixedRanker : public Ranker {
 public:
  MixedRanker(TextBatcher batcher, const RankingWeights& weights)
      : batcher_(std::move(batcher)), weighting_(info()), prompts_(info()), weights_(weights) {}

  Result<std::vector<RankedText>> compare(std::string_view query,
                                          std::span<const std::string_view> texts,
                                          const RunOptions& options,
                                          const TextBatcher::Progress& progress) override {
    MixedVectors its_vectors;
    const auto keep = [&](size_t, MixedVectors vectors) -> Status {
      its_vectors = std::move(vectors);
      return {};
    };
    const Status status = run(prompts_.query, {&query, 1}, options, {}, keep);
    if (!status.ok()) return status.with_context("the query");
    std::vector<RankedText> results(texts.size());
    const auto compare_with = [&](size_t text, const MixedVectors& vectors) -> Status {
      LW_ASSIGN_OR_RETURN(const float score, score_of(its_vectors, vectors));
      results[text] = {.index = static_cast<int64_t>(text),
                       .score = score,
                       .tokens = batcher_.lengths()[text],
                       .truncated = batcher_.truncated(text)};
      return {};
    };
    LW_RETURN_IF_ERROR(run(prompts_.text, texts, options, progress, compare_with));
    return results;
  }

 private:
  using Take = std::function<Status(size_t text, MixedVectors vectors)>;

  const ModelInfo& info() const noexcept { return batcher_.model().info(); }

  Status run(std::string_view prompt, std::span<const std::string_view> texts,
             const RunOptions& options, const TextBatcher::Progress& progress, const Take& take) {
    PromptChoice choice;
    LW_RETURN_IF_ERROR(choice.choose(info(), prompt));
    LW_RETURN_IF_ERROR(batcher_.start(texts.size()));
    for (const std::string_view text : texts) {
      LW_RETURN_IF_ERROR(batcher_.add(choice.before(text), options));
    }
    const auto read = [&](const TextBatcher::Place& place) -> Status {
      LW_ASSIGN_OR_RETURN(MixedVectors vectors, vectors_at(place));
      return take(place.sequence, std::move(vectors));
    };
    return batcher_.run(options, read, progress);
  }

  Result<MixedVectors> vectors_at(const TextBatcher::Place& place) {
    LW_ASSIGN_OR_RETURN(const Session::Rows embeddings, batcher_.output(kSentenceEmbedding));
    LW_ASSIGN_OR_RETURN(const Session::Rows weights, batcher_.output(kTokenWeights));
    LW_ASSIGN_OR_RETURN(const Session::Rows tokens, batcher_.output(kTokenEmbeddings));
    const float* embedding = embeddings.data + place.row * embeddings.stride;
    MixedVectors vectors;
    vectors.embedding.assign(embedding, embedding + embeddings.features);
    vectors.weights = weighting_(weights, place, batcher_.tokens(place.sequence));
    vectors.tokens = token_vectors_of(batcher_, tokens, place, /*queries=*/false);
    return vectors;
  }

  Result<float> score_of(const MixedVectors& query, const MixedVectors& text) const {
    const double embeddings = similarity_of(query.embedding, text.embedding, info().similarity);
    const double sparse =
        similarity_of(std::span(query.weights), std::span(text.weights), sparse_similarity(info()));
    LW_ASSIGN_OR_RETURN(const double tokens, mean_max_similarity(query.tokens, text.tokens));
    const double sum =
        weights_.embeddings * embeddings + weights_.sparse * sparse + weights_.tokens * tokens;
    return static_cast<float>(sum / (weights_.embeddings + weights_.sparse + weights_.tokens));
  }

  TextBatcher batcher_;
  SparseWeighting weighting_;  // refers to the model of batcher_
  RankingPrompts prompts_;
  RankingWeights weights_;
};

Status check_weights(const RankingWeights& weights) {
  double sum = 0;
  for (const double weight : {weights.embeddings, weights.sparse, weights.tokens}) {
    if (!std::isfinite(weight) || weight < 0) {
      return invalid_argument("weights of a mixed score must not be below 0");
    }
    sum += weight;
  }
  if (sum > 0 && std::isfinite(sum)) return {};
  return invalid_argument("of the weights of a mixed score one must be above 0");
}

}  // namespace

bool has_mixed_ranking(const ModelInfo& info) {
  return has_output(info, kSentenceEmbedding) && has_output(info, kTokenEmbeddings) &&
         has_output(info, kTokenWeights);
}

MadeRanker make_mixed_ranker(const Model& model, const SessionOptions& options,
                             const RankingWeights& weights) {
  const ModelInfo& info = model.info();
  LW_RETURN_IF_ERROR(check_weights(weights));
  if (!has_mixed_ranking(info)) {
    return unsupported("the model, " + info.family + " for " + info.task +
                       ", has no embeddings of texts, sparse embeddings and vectors of tokens "
                       "that could be mixed");
  }
  LW_RETURN_IF_ERROR(check_output(info, kSentenceEmbedding, RowsOf::kTexts));
  LW_RETURN_IF_ERROR(check_output(info, kTokenWeights, RowsOf::kTokens));
  LW_RETURN_IF_ERROR(check_output(info, kTokenEmbeddings, RowsOf::kTokens));
  LW_ASSIGN_OR_RETURN(TextBatcher batcher, TextBatcher::create(model, options,
                                                               {std::string(kSentenceEmbedding),
                                                                std::string(kTokenWeights),
                                                                std::string(kTokenEmbeddings)}));
  return MadeRanker(std::make_unique<MixedRanker>(std::move(batcher), weights));
}

}  // namespace lanewise::tasks
