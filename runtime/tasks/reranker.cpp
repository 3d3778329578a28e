#include "lanewise/reranker.hpp"

#include <string>
#include <utility>

#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/tasks/rankers.hpp"
#include "runtime/tasks/scores.hpp"
#include "runtime/tasks/sparse_weights.hpp"
#include "runtime/tasks/task_names.hpp"
#include "runtime/tasks/text_batcher.hpp"

namespace lanewise {
namespace {

/// kUnsupported, with what can.
Status cannot_rank(const ModelInfo& info) {
  return unsupported("the model, " + info.family + " for " + info.task +
                     ", cannot rank texts: expected a cross-encoder, a late-interaction model, an "
                     "embedding model or one for sparse embeddings");
}

/// What the model was made for.
Result<RankBy> usual_way(const ModelInfo& info) {
  if (info.head.late_interaction.is_used()) return RankBy::kTokens;
  if (tasks::has_mixed_ranking(info)) return RankBy::kMixed;
  if (tasks::has_output(info, tasks::kSentenceEmbedding)) return RankBy::kEmbeddings;
  if (info.task == tasks::kTextClassification) return RankBy::kPairs;
  if (tasks::has_sparse_embeddings(info)) return RankBy::kSparse;
  return cannot_rank(info);
}

tasks::MadeRanker make_ranker(const Model& model, const SessionOptions& options,
                              const RankingOptions& ranking) {
  RankBy by = ranking.by;
  if (by == RankBy::kUsual) {
    LW_ASSIGN_OR_RETURN(by, usual_way(model.info()));
  }
  switch (by) {
    case RankBy::kUsual:
    case RankBy::kPairs:
      break;
    case RankBy::kEmbeddings:
      return tasks::make_embedding_ranker(model, options);
    case RankBy::kSparse:
      return tasks::make_sparse_ranker(model, options);
    case RankBy::kTokens:
      return tasks::make_token_ranker(model, options);
    case RankBy::kMixed:
      return tasks::make_mixed_ranker(model, options, ranking.weights);
  }
  return tasks::make_pair_ranker(model, options);
}

std::vector<RankedText> best_first(const std::vector<RankedText>& unordered) {
  std::vector<float> scores;
  scores.reserve(unordered.size());
  for (const RankedText& one : unordered) scores.push_back(one.score);
  std::vector<RankedText> result;
  result.reserve(unordered.size());
  for (const size_t text : tasks::largest(scores, scores.size())) result.push_back(unordered[text]);
  return result;
}

}  // namespace

class Reranker::Impl {
 public:
  explicit Impl(std::unique_ptr<tasks::Ranker> ranker) : ranker_(std::move(ranker)) {}

  Result<std::vector<RankedText>> rank(std::string_view query,
                                       std::span<const std::string_view> texts,
                                       const RunOptions& options,
                                       const std::function<void(int64_t)>& progress) {
    LW_ASSIGN_OR_RETURN(const std::vector<RankedText> unordered,
                        ranker_->compare(query, texts, options, progress));
    return best_first(unordered);
  }

 private:
  std::unique_ptr<tasks::Ranker> ranker_;
};

Result<Reranker> Reranker::create(const Model& model, const SessionOptions& options,
                                  const RankingOptions& ranking) {
  return base::no_throw([&]() -> Result<Reranker> {
    LW_ASSIGN_OR_RETURN(std::unique_ptr<tasks::Ranker> ranker,
                        make_ranker(model, options, ranking));
    return Reranker(std::make_unique<Impl>(std::move(ranker)));
  });
}

Reranker::Reranker(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Reranker::Reranker(Reranker&&) noexcept = default;
Reranker& Reranker::operator=(Reranker&&) noexcept = default;
Reranker::~Reranker() = default;

Result<std::vector<RankedText>> Reranker::rank(std::string_view query,
                                               std::span<const std::string_view> texts,
                                               const RunOptions& options,
                                               const std::function<void(int64_t done)>& progress) {
  return base::no_throw([&] { return impl_->rank(query, texts, options, progress); });
}

}  // namespace lanewise
