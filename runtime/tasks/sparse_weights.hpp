#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "lanewise/model.hpp"
#include "lanewise/session.hpp"
#include "lanewise/sparse_embedder.hpp"
#include "lanewise/status.hpp"
#include "runtime/tasks/text_batcher.hpp"

namespace lanewise::tasks {

/// Whether the model has sparse embeddings.
bool has_sparse_embeddings(const ModelInfo& info);

/// The output that a model's sparse embeddings are made of.
std::string_view sparse_output(const ModelInfo& info);

/// How alike two of them are: a masked language model says it; weights that a model has beside its
/// sentence embedding are multiplied, as FlagEmbedding does.
Similarity sparse_similarity(const ModelInfo& info);

/// kUnsupported for a model without sparse embeddings; kDataLoss if that output has other rows.
Status check_sparse_output(const ModelInfo& info);

/// Makes the sparse embedding of a text from the rows of its tokens, or from its only row. Keeps
/// its memory between calls. Not thread-safe.
class SparseWeighting {
 public:
  /// `info` outlives it.
  explicit SparseWeighting(const ModelInfo& info)
      : info_(info), weights_(static_cast<size_t>(info.vocabulary_size)) {}

  /// rows  of sparse_output()
  /// Returns the weights above 0, by id.
  std::vector<TokenWeight> operator()(const Session::Rows& rows, const TextBatcher::Place& place,
                                      std::span<const text::Token> tokens);

 private:
  void add_logits(const Session::Rows& rows, int64_t index);
  void add_token(const Session::Rows& rows, int64_t index, int32_t id);

  const ModelInfo& info_;
  std::vector<double> weights_;  // [vocabulary]
};

}  // namespace lanewise::tasks
