#include "lanewise/reranker.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "lanewise/embedder.hpp"
#include "runtime/tasks/prompts.hpp"
#include "runtime/tasks/scores.hpp"
#include "runtime/tasks/similarity.hpp"
#include "runtime/tasks/task_names.hpp"
#include "runtime/tasks/text_batcher.hpp"
#include "runtime/tasks/token_vectors.hpp"

namespace lanewise {
namespace {

using tasks::TextBatcher;
using tasks::TokenVectors;
using Ranking = Result<std::vector<RankedText>>;

/// Query and text in one sequence.
class CrossEncoder {
 public:
  CrossEncoder(TextBatcher batcher, tasks::PromptChoice prompt)
      : batcher_(std::move(batcher)), prompt_(std::move(prompt)) {}

  Ranking rank(std::string_view query, std::span<const std::string_view> texts,
               const RunOptions& options, const TextBatcher::Progress& progress) {
    LW_RETURN_IF_ERROR(batcher_.start(texts.size()));
    const std::string prompted(prompt_.before(query));
    for (const std::string_view text : texts) {
      LW_RETURN_IF_ERROR(batcher_.add_pair(prompted, text, options));
    }
    std::vector<float> logits(texts.size());
    const auto read = [&](const TextBatcher::Place& place) -> Status {
      LW_ASSIGN_OR_RETURN(const Session::Rows rows, batcher_.output(tasks::kLogits));
      logits[place.sequence] = rows.data[place.row * rows.stride];
      return {};
    };
    LW_RETURN_IF_ERROR(batcher_.run(options, read, progress));
    return ranked(logits);
  }

 private:
  std::vector<RankedText> ranked(std::span<const float> logits) const {
    const ScoreFunction function = batcher_.model().info().head.ranking;
    std::vector<RankedText> result;
    for (const size_t text : tasks::largest(logits, logits.size())) {
      result.push_back({.index = static_cast<int64_t>(text),
                        .score = tasks::scores_of(logits.subspan(text, 1), function).front(),
                        .tokens = batcher_.lengths()[text],
                        .truncated = batcher_.truncated(text)});
    }
    return result;
  }

  TextBatcher batcher_;
  tasks::PromptChoice prompt_;  // before the query
};

/// Query and texts by themselves, compared token by token.
class LateInteractionRanker {
 public:
  explicit LateInteractionRanker(TokenVectors vectors) : vectors_(std::move(vectors)) {}

  Ranking rank(std::string_view query, std::span<const std::string_view> texts,
               const RunOptions& options, const TextBatcher::Progress& progress) {
    LW_ASSIGN_OR_RETURN(const TokenEmbedding its_vectors, vectors_of(query, options));
    LW_RETURN_IF_ERROR(vectors_.set_prompt(""));
    std::vector<RankedText> unordered(texts.size());
    std::vector<float> scores(texts.size());
    Status status;
    const auto compare = [&](size_t text, const TokenEmbedding& vectors) {
      const Result<float> score = max_similarity(its_vectors, vectors);
      if (!score.ok()) {
        status = score.status();
        return;
      }
      scores[text] = *score;
      unordered[text] = {.index = static_cast<int64_t>(text),
                         .score = *score,
                         .tokens = vectors.tokens,
                         .truncated = vectors.truncated};
    };
    LW_RETURN_IF_ERROR(vectors_.run(texts, options, progress, compare));
    LW_RETURN_IF_ERROR(status);
    std::vector<RankedText> result;
    for (const size_t text : tasks::largest(scores, scores.size())) {
      result.push_back(unordered[text]);
    }
    return result;
  }

 private:
  Result<TokenEmbedding> vectors_of(std::string_view query, const RunOptions& options) {
    LW_RETURN_IF_ERROR(vectors_.set_prompt(tasks::kQueryPrompt));
    TokenEmbedding result;
    const auto take = [&](size_t, TokenEmbedding vectors) { result = std::move(vectors); };
    const Status status = vectors_.run({&query, 1}, options, {}, take);
    if (!status.ok()) return status.with_context("the query");
    return result;
  }

  TokenVectors vectors_;
};

/// Query and texts by themselves, compared by one vector each.
class EmbeddingRanker {
 public:
  static Result<EmbeddingRanker> create(const Model& model, const SessionOptions& options) {
    LW_ASSIGN_OR_RETURN(Embedder embedder, Embedder::create(model, options));
    return EmbeddingRanker(std::move(embedder), model.info());
  }

  Ranking rank(std::string_view query, std::span<const std::string_view> texts,
               const RunOptions& options, const TextBatcher::Progress& progress) {
    LW_RETURN_IF_ERROR(embedder_.set_prompt(query_prompt_));
    const Result<Embeddings> its_vector = embedder_.embed({&query, 1}, options);
    if (!its_vector.ok()) return its_vector.status().with_context("the query");
    LW_RETURN_IF_ERROR(embedder_.set_prompt(text_prompt_));
    LW_ASSIGN_OR_RETURN(const Embeddings vectors, embedder_.embed(texts, options, progress));
    std::vector<float> scores;
    for (int64_t i = 0; i < vectors.count; ++i) {
      scores.push_back(tasks::similarity_of((*its_vector)[0], vectors[i], similarity_));
    }
    std::vector<RankedText> result;
    for (const size_t text : tasks::largest(scores, scores.size())) {
      result.push_back({.index = static_cast<int64_t>(text),
                        .score = scores[text],
                        .tokens = vectors.tokens[text],
                        .truncated = vectors.truncated[text]});
    }
    return result;
  }

 private:
  EmbeddingRanker(Embedder embedder, const ModelInfo& info)
      : embedder_(std::move(embedder)),
        query_prompt_(first_prompt(info, {tasks::kQueryPrompt})),
        // As sentence-transformers looks for one.
        text_prompt_(first_prompt(info, {"document", "passage", "corpus"})),
        similarity_(info.similarity) {}

  /// The first of these that the model has, or else its default.
  static std::string first_prompt(const ModelInfo& info,
                                  std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) {
      const auto found = std::ranges::find(info.prompts, name, &Prompt::name);
      if (found != info.prompts.end()) return found->name;
    }
    return info.default_prompt;
  }

  Embedder embedder_;
  std::string query_prompt_;
  std::string text_prompt_;
  Similarity similarity_;
};

bool embeds_texts(const ModelInfo& info) {
  return std::ranges::find(info.outputs, tasks::kSentenceEmbedding, &OutputInfo::name) !=
         info.outputs.end();
}

/// kUnsupported, with what can.
Status cannot_rank(const ModelInfo& info) {
  return unsupported("the model, " + info.family + " for " + info.task +
                     ", cannot rank texts: expected a cross-encoder, a late-interaction model or "
                     "an embedding model");
}

}  // namespace

class Reranker::Impl {
 public:
  template <typename Ranker>
  explicit Impl(Ranker ranker) : ranker_(std::move(ranker)) {}

  Ranking rank(std::string_view query, std::span<const std::string_view> texts,
               const RunOptions& options, const TextBatcher::Progress& progress) {
    return std::visit([&](auto& ranker) { return ranker.rank(query, texts, options, progress); },
                      ranker_);
  }

 private:
  std::variant<CrossEncoder, LateInteractionRanker, EmbeddingRanker> ranker_;
};

Result<Reranker> Reranker::create(const Model& model, const SessionOptions& options) {
  return base::no_throw([&]() -> Result<Reranker> {
    if (model.info().head.late_interaction.is_used()) {
      LW_ASSIGN_OR_RETURN(TokenVectors vectors, TokenVectors::create(model, options));
      return Reranker(std::make_unique<Impl>(LateInteractionRanker(std::move(vectors))));
    }
    if (embeds_texts(model.info())) {
      LW_ASSIGN_OR_RETURN(EmbeddingRanker ranker, EmbeddingRanker::create(model, options));
      return Reranker(std::make_unique<Impl>(std::move(ranker)));
    }
    if (model.info().task != tasks::kTextClassification) return cannot_rank(model.info());
    LW_RETURN_IF_ERROR(tasks::check_output(model.info(), tasks::kLogits, tasks::RowsOf::kTexts));
    const size_t labels = model.info().head.labels.size();
    if (labels != 1) {
      return unsupported("a model with " + std::to_string(labels) +
                         " labels cannot rank texts: expected one label");
    }
    LW_ASSIGN_OR_RETURN(TextBatcher batcher,
                        TextBatcher::create(model, options, {std::string(tasks::kLogits)}));
    tasks::PromptChoice prompt;
    LW_RETURN_IF_ERROR(prompt.choose(model.info(), model.info().default_prompt));
    return Reranker(std::make_unique<Impl>(CrossEncoder(std::move(batcher), std::move(prompt))));
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
