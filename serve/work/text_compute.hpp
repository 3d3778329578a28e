#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/classifier.hpp"
#include "lanewise/embedder.hpp"
#include "lanewise/reranker.hpp"
#include "lanewise/session.hpp"
#include "serve/work/text_work.hpp"

/// Calls of the library for the items of a batch, which belong to several requests. Results are in
/// the order of the items.

namespace lanewise::serve {

inline constexpr const char* kSentenceOutput = "sentence_embedding";

std::vector<std::string_view> views_of(const std::vector<const std::string*>& texts);

/// The prompt that `choice` names, or the model's own.
template <typename Made>
Status set_prompt(Made& made, const ModelInfo& info, const EmbedChoice& choice) {
  return made.set_prompt(choice.prompt ? *choice.prompt : info.default_prompt);
}

Result<std::vector<TextVector>> embed_items(Embedder& embedder, const ModelInfo& info,
                                            const std::vector<const std::string*>& texts,
                                            const EmbedChoice& choice, const RunOptions& run);

/// The vectors of token ids, in batches by length. `session` has kSentenceOutput.
Result<std::vector<TextVector>> embed_id_items(Session& session,
                                               const std::vector<const std::vector<int32_t>*>& ids,
                                               const RunOptions& run);

/// Texts and pairs are two calls of the library.
Result<std::vector<Classification>> classify_items(Classifier& classifier,
                                                   const std::vector<const TextOrPair*>& items,
                                                   const RunOptions& run);

/// One call of the library for each query.
Result<std::vector<std::vector<RankedText>>> rank_items(Reranker& reranker,
                                                        const std::vector<const RankQuery*>& items,
                                                        const RunOptions& run);

}  // namespace lanewise::serve
