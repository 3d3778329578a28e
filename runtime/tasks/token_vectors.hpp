#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "lanewise/model.hpp"
#include "lanewise/status.hpp"
#include "lanewise/token_embedder.hpp"
#include "runtime/tasks/prompts.hpp"
#include "runtime/tasks/text_batcher.hpp"

namespace lanewise::tasks {

/// The vectors of one text's tokens.
///
/// rows     of the output with the vectors, of the batch that has just run
/// queries  whether a late-interaction model has read the text as a query
TokenEmbedding token_vectors_of(const TextBatcher& batcher, const Session::Rows& rows,
                                const TextBatcher::Place& place, bool queries);

/// max_similarity() over the number of the query's vectors, which is FlagEmbedding's score; 0 for a
/// query without vectors.
Result<float> mean_max_similarity(const TokenEmbedding& query, const TokenEmbedding& document);

/// What TokenEmbedder and Reranker share: vectors of tokens, each text's as soon as it is computed,
/// because those of many texts take much memory. Not thread-safe.
class TokenVectors {
 public:
  /// Fails as TokenEmbedder::create() does.
  static Result<TokenVectors> create(const Model& model, const SessionOptions& options);

  /// As TokenEmbedder::set_prompt().
  Status set_prompt(std::string_view name);

  /// Calls `take` for each text with its index, in any order.
  using Take = std::function<void(size_t text, TokenEmbedding vectors)>;
  Status run(std::span<const std::string_view> texts, const RunOptions& options,
             const TextBatcher::Progress& progress, const Take& take);

  int64_t dimension() const noexcept { return dimension_; }

 private:
  TokenVectors(TextBatcher batcher, std::string_view output, int64_t dimension)
      : batcher_(std::move(batcher)), output_(output), dimension_(dimension) {}

  const HeadInfo& head() const noexcept { return batcher_.model().info().head; }
  Status add(std::string_view text, const RunOptions& options);

  TextBatcher batcher_;
  std::string_view output_;  // a constant
  int64_t dimension_;
  bool queries_ = false;  // whether a late-interaction model reads texts as queries
  PromptChoice prompt_;
};

}  // namespace lanewise::tasks
