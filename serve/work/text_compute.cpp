#include "serve/work/text_compute.hpp"

#include <utility>

#include "lanewise/batches.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::serve {
namespace {

// The library's own size of a batch of texts.
constexpr int64_t kRunTokens = 1024;

int64_t numbers_of(const ModelInfo& info) {
  for (const OutputInfo& output : info.outputs) {
    if (output.name == kSentenceOutput) return output.features;
  }
  return 0;
}

/// Runs one batch of ids, those at `places`.
Status run_ids(Session& session, const std::vector<const std::vector<int32_t>*>& ids,
               std::span<const int32_t> places, const RunOptions& run,
               std::vector<TextVector>& found) {
  std::vector<int32_t> all;
  std::vector<int32_t> lengths;
  lengths.reserve(places.size());
  for (const int32_t place : places) {
    const std::vector<int32_t>& one = *ids[static_cast<size_t>(place)];
    all.insert(all.end(), one.begin(), one.end());
    lengths.push_back(static_cast<int32_t>(one.size()));
  }
  LANEWISE_RETURN_IF_ERROR(
      session.run_ragged({.ids = all, .type_ids = {}, .lengths = lengths}, run));
  LANEWISE_ASSIGN_OR_RETURN(const Session::Rows rows, session.output(kSentenceOutput));
  for (size_t i = 0; i < places.size(); ++i) {
    const float* row = rows.data + static_cast<int64_t>(i) * rows.stride;
    TextVector& vector = found[static_cast<size_t>(places[i])];
    vector.values.assign(row, row + rows.features);
    vector.tokens = lengths[i];
  }
  return {};
}

}  // namespace

std::vector<std::string_view> views_of(const std::vector<const std::string*>& texts) {
  std::vector<std::string_view> views;
  views.reserve(texts.size());
  for (const std::string* text : texts) views.emplace_back(*text);
  return views;
}

Result<std::vector<TextVector>> embed_items(Embedder& embedder, const ModelInfo& info,
                                            const std::vector<const std::string*>& texts,
                                            const EmbedChoice& choice, const RunOptions& run) {
  LANEWISE_RETURN_IF_ERROR(set_prompt(embedder, info, choice));
  LANEWISE_RETURN_IF_ERROR(
      embedder.set_dimension(choice.dimension > 0 ? choice.dimension : numbers_of(info))
          .with_context("dimensions"));
  LANEWISE_ASSIGN_OR_RETURN(const Embeddings embeddings, embedder.embed(views_of(texts), run));
  std::vector<TextVector> found(texts.size());
  for (size_t i = 0; i < found.size(); ++i) {
    const std::span<const float> values = embeddings[static_cast<int64_t>(i)];
    found[i].values.assign(values.begin(), values.end());
    found[i].tokens = embeddings.tokens[i];
  }
  return found;
}

Result<std::vector<TextVector>> embed_id_items(Session& session,
                                               const std::vector<const std::vector<int32_t>*>& ids,
                                               const RunOptions& run) {
  std::vector<int32_t> lengths;
  lengths.reserve(ids.size());
  for (const std::vector<int32_t>* one : ids) lengths.push_back(static_cast<int32_t>(one->size()));
  LANEWISE_ASSIGN_OR_RETURN(const LengthBatches batches,
                            batch_by_length(lengths, {.tokens = kRunTokens}));
  std::vector<TextVector> found(ids.size());
  for (const LengthBatch& batch : batches.batches) {
    const auto places = std::span(batches.order).subspan(batch.begin, batch.end - batch.begin);
    LANEWISE_RETURN_IF_ERROR(run_ids(session, ids, places, run, found));
  }
  return found;
}

Result<std::vector<Classification>> classify_items(Classifier& classifier,
                                                   const std::vector<const TextOrPair*>& items,
                                                   const RunOptions& run) {
  std::vector<std::string_view> texts;
  std::vector<TextPair> pairs;
  for (const TextOrPair* item : items) {
    item->second ? pairs.push_back({item->first, *item->second}) : texts.push_back(item->first);
  }
  std::vector<Classification> of_texts;
  std::vector<Classification> of_pairs;
  if (!texts.empty()) {
    LANEWISE_ASSIGN_OR_RETURN(of_texts, classifier.classify(texts, run));
  }
  if (!pairs.empty()) {
    LANEWISE_ASSIGN_OR_RETURN(of_pairs, classifier.classify_pairs(pairs, run));
  }
  std::vector<Classification> found;
  found.reserve(items.size());
  auto text = of_texts.begin();
  auto pair = of_pairs.begin();
  for (const TextOrPair* item : items) {
    found.push_back(std::move(item->second ? *pair++ : *text++));
  }
  return found;
}

Result<std::vector<std::vector<RankedText>>> rank_items(Reranker& reranker,
                                                        const std::vector<const RankQuery*>& items,
                                                        const RunOptions& run) {
  std::vector<std::vector<RankedText>> found;
  for (const RankQuery* item : items) {
    const std::vector<std::string_view> texts(item->texts.begin(), item->texts.end());
    LANEWISE_ASSIGN_OR_RETURN(std::vector<RankedText> ranking,
                              reranker.rank(item->query, texts, run));
    found.push_back(std::move(ranking));
  }
  return found;
}

}  // namespace lanewise::serve
