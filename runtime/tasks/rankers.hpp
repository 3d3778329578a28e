#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "lanewise/model.hpp"
#include "lanewise/reranker.hpp"
#include "lanewise/session.hpp"
#include "lanewise/status.hpp"

namespace lanewise::tasks {

/// One way to compare a query with texts. Not thread-safe.
class Ranker {
 public:
  virtual ~Ranker() = default;

  /// Scores of all `texts`, in their order. Fails as Reranker::rank() does.
  virtual Result<std::vector<RankedText>> compare(
      std::string_view query, std::span<const std::string_view> texts, const RunOptions& options,
      const std::function<void(int64_t done)>& progress) = 0;
};

using MadeRanker = Result<std::unique_ptr<Ranker>>;

// Each fails with kUnsupported for a model that cannot be compared so, and as Session::create does.

/// Query and text in one sequence: the score of the one label.
MadeRanker make_pair_ranker(const Model& model, const SessionOptions& options);
/// The similarity of two embeddings.
MadeRanker make_embedding_ranker(const Model& model, const SessionOptions& options);
/// The similarity of two sparse embeddings.
MadeRanker make_sparse_ranker(const Model& model, const SessionOptions& options);
/// The similarity of vectors of tokens (MaxSim).
MadeRanker make_token_ranker(const Model& model, const SessionOptions& options);
/// The mean of the last three, for a model that has them all (BGE-M3).
MadeRanker make_mixed_ranker(const Model& model, const SessionOptions& options,
                             const RankingWeights& weights);

/// Whether the model has what make_mixed_ranker() needs.
bool has_mixed_ranking(const ModelInfo& info);

}  // namespace lanewise::tasks
