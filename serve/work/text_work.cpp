#include "serve/work/text_work.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "lanewise/embedder.hpp"
#include "lanewise/inspect.hpp"
#include "lanewise/session.hpp"
#include "lanewise/status_macros.hpp"
#include "lanewise/tokenizer.hpp"
#include "serve/work/item_batcher.hpp"
#include "serve/work/lazy.hpp"
#include "serve/work/text_compute.hpp"

namespace lanewise::serve {
namespace {

// Of the vectors of tokens in an answer: as text, about 200 MB.
constexpr int64_t kMostNumbers = int64_t{1} << 24;

std::string key_of(const EmbedChoice& choice) {
  // The number follows the last slash, whatever the name has.
  return (choice.prompt ? "+" + *choice.prompt : "") + "/" + std::to_string(choice.dimension);
}

struct NoChoice {};

using EmbedLane = ItemBatcher<std::string, EmbedChoice, TextVector>;
using IdsLane = ItemBatcher<std::vector<int32_t>, NoChoice, TextVector>;
using SparseLane = ItemBatcher<std::string, EmbedChoice, SparseEmbedding>;
using TokensLane = ItemBatcher<std::string, EmbedChoice, TokenEmbedding>;
using ClassifyLane = ItemBatcher<TextOrPair, NoChoice, Classification>;
using RankLane = ItemBatcher<RankQuery, NoChoice, std::vector<RankedText>>;

/// An object of the library that a batcher's thread alone uses, and the batcher.
template <typename Made, typename Lane>
struct LaneOf {
  LaneOf(Made made_, const BatchLimits& limits, auto compute)
      : made(std::move(made_)),
        lane([this, compute](const auto& items, const auto& options,
                             const RunOptions& run) { return compute(made, items, options, run); },
             limits) {}
  Made made;
  Lane lane;
};

}  // namespace

class TextWork::Impl {
 public:
  Impl(const Model& opened, SessionOptions options, const BatchLimits& batch_limits, int64_t most)
      : model(opened), session(std::move(options)), limits(batch_limits), most_tokens(most) {}

  Result<Tokenizer*> tokenizer() {
    return tokenizer_.get([this]() -> Result<std::unique_ptr<Tokenizer>> {
      LANEWISE_ASSIGN_OR_RETURN(Tokenizer made, Tokenizer::of(model));
      return std::make_unique<Tokenizer>(std::move(made));
    });
  }

  /// Of Made::create(), with `compute` called for each batch.
  template <typename Made, typename Lane>
  Result<LaneOf<Made, Lane>*> lane(Lazy<LaneOf<Made, Lane>>& lazy, auto compute,
                                   const SessionOptions& options) {
    return lazy.get([&]() -> Result<std::unique_ptr<LaneOf<Made, Lane>>> {
      LANEWISE_ASSIGN_OR_RETURN(Made made, Made::create(model, options));
      return std::make_unique<LaneOf<Made, Lane>>(std::move(made), limits, compute);
    });
  }

  /// How many tokens the model will read of the text at place `i`, or a failure if it is too long.
  Result<int64_t> admit(int64_t tokens, size_t i, const Truncation& truncation) const {
    const int64_t limit = text_limit();
    if (tokens <= limit) return tokens;
    if (truncation.allowed) return limit;
    return invalid_argument(truncation.field + ": text " + std::to_string(i + 1) + " has " +
                            std::to_string(tokens) + " tokens, the model reads at most " +
                            std::to_string(limit));
  }

  Status charge(int64_t tokens, const Truncation& truncation, Exchange& exchange) const {
    exchange.prompt_tokens = tokens;
    if (tokens <= most_tokens) return {};
    return invalid_argument(truncation.field + ": the texts have " + std::to_string(tokens) +
                            " tokens, at most " + std::to_string(most_tokens) +
                            " are allowed in a request");
  }

  /// The tokens of texts together, those before them included.
  Result<int64_t> count(const std::vector<std::string>& texts, const EmbedChoice& choice,
                        const Truncation& truncation, Exchange& exchange) {
    LANEWISE_ASSIGN_OR_RETURN(const Tokenizer* made, tokenizer());
    const std::string before = prompt_text(choice);
    int64_t sum = 0;
    for (size_t i = 0; i < texts.size(); ++i) {
      const auto encoding =
          before.empty() ? made->encode(texts[i]) : made->encode(before + texts[i]);
      if (!encoding.ok()) return encoding.status().with_context(truncation.field);
      LANEWISE_ASSIGN_OR_RETURN(const int64_t tokens,
                                admit(static_cast<int64_t>(encoding->ids.size()), i, truncation));
      sum += tokens;
    }
    LANEWISE_RETURN_IF_ERROR(charge(sum, truncation, exchange));
    return sum;
  }

  Result<int64_t> count_pair(std::string_view first, std::string_view second, size_t i,
                             const Truncation& truncation) {
    LANEWISE_ASSIGN_OR_RETURN(const Tokenizer* made, tokenizer());
    const auto encoding = made->encode_pair(first, second);
    if (!encoding.ok()) return encoding.status().with_context(truncation.field);
    return admit(static_cast<int64_t>(encoding->ids.size()), i, truncation);
  }

  /// Models for pairs read the query before each text; all others read it and the texts by themselves.
  Result<int64_t> count_query(const RankQuery& query, const Truncation& truncation,
                              Exchange& exchange) {
    int64_t sum = 0;
    if (model.info().task == "text-classification") {
      for (size_t i = 0; i < query.texts.size(); ++i) {
        LANEWISE_ASSIGN_OR_RETURN(const int64_t tokens,
                                  count_pair(query.query, query.texts[i], i, truncation));
        sum += tokens;
      }
      return sum;
    }
    LANEWISE_ASSIGN_OR_RETURN(sum, count(query.texts, {}, truncation, exchange));
    // Late interaction cuts queries to a length of their own.
    if (model.info().head.late_interaction.is_used()) return sum;
    const Truncation of_query{.allowed = truncation.allowed, .field = "query"};
    LANEWISE_ASSIGN_OR_RETURN(const int64_t tokens, count({query.query}, {}, of_query, exchange));
    return sum + tokens;
  }

  std::string prompt_text(const EmbedChoice& choice) const {
    const std::string& name = choice.prompt ? *choice.prompt : model.info().default_prompt;
    for (const Prompt& prompt : model.info().prompts) {
      if (prompt.name == name) return prompt.text;
    }
    return {};
  }

  /// Late-interaction models have a limit for each kind of texts; texts are documents here.
  int64_t text_limit() const {
    const LateInteraction& late = model.info().head.late_interaction;
    return late.is_used() ? late.documents.max_tokens : model.info().max_text_tokens;
  }

  const Model model;
  const SessionOptions session;
  const BatchLimits limits;
  const int64_t most_tokens;
  Lazy<LaneOf<Embedder, EmbedLane>> embed_lane;
  Lazy<LaneOf<Session, IdsLane>> ids_lane;
  Lazy<LaneOf<SparseEmbedder, SparseLane>> sparse_lane;
  Lazy<LaneOf<TokenEmbedder, TokensLane>> tokens_lane;
  Lazy<LaneOf<Classifier, ClassifyLane>> classify_lane;
  Lazy<LaneOf<Reranker, RankLane>> rank_lane;

 private:
  Lazy<Tokenizer> tokenizer_;
};

TextWork::TextWork(const Model& model, const SessionOptions& session, const BatchLimits& limits,
                   int64_t most_tokens)
    : impl_(std::make_unique<Impl>(model, session, limits, most_tokens)) {}
TextWork::~TextWork() = default;

Result<std::vector<TextVector>> TextWork::embed(std::vector<std::string> texts,
                                                const EmbedChoice& choice,
                                                const Truncation& truncation, Exchange& exchange) {
  const ModelInfo& info = impl_->model.info();
  const auto compute = [&info](Embedder& embedder, const auto& items, const auto& options,
                               const RunOptions& run) {
    return embed_items(embedder, info, items, options, run);
  };
  LANEWISE_ASSIGN_OR_RETURN(auto* work, impl_->lane(impl_->embed_lane, compute, impl_->session));
  LANEWISE_ASSIGN_OR_RETURN(const int64_t tokens,
                            impl_->count(texts, choice, truncation, exchange));
  return work->lane.run(std::move(texts), choice, key_of(choice), tokens, exchange);
}

Result<std::vector<TextVector>> TextWork::embed_ids(std::vector<std::vector<int32_t>> ids,
                                                    Exchange& exchange) {
  const auto compute = [](Session& session, const auto& items, const auto&, const RunOptions& run) {
    return embed_id_items(session, items, run);
  };
  SessionOptions options = impl_->session;
  options.outputs = {kSentenceOutput};
  LANEWISE_ASSIGN_OR_RETURN(auto* work, impl_->lane(impl_->ids_lane, compute, options));
  const Truncation truncation{.allowed = false, .field = "input"};
  int64_t sum = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    LANEWISE_ASSIGN_OR_RETURN(const int64_t tokens,
                              impl_->admit(static_cast<int64_t>(ids[i].size()), i, truncation));
    for (const int32_t id : ids[i]) {
      if (id < impl_->model.info().vocabulary_size) continue;
      return invalid_argument("input: the model has no token " + std::to_string(id));
    }
    sum += tokens;
  }
  LANEWISE_RETURN_IF_ERROR(impl_->charge(sum, truncation, exchange));
  return work->lane.run(std::move(ids), {}, "", sum, exchange);
}

Result<std::vector<SparseEmbedding>> TextWork::embed_sparse(std::vector<std::string> texts,
                                                            const EmbedChoice& choice,
                                                            const Truncation& truncation,
                                                            Exchange& exchange) {
  const ModelInfo& info = impl_->model.info();
  const auto compute = [&info](SparseEmbedder& embedder, const auto& items, const auto& options,
                               const RunOptions& run) -> Result<std::vector<SparseEmbedding>> {
    LANEWISE_RETURN_IF_ERROR(set_prompt(embedder, info, options));
    return embedder.embed(views_of(items), run);
  };
  LANEWISE_ASSIGN_OR_RETURN(auto* work, impl_->lane(impl_->sparse_lane, compute, impl_->session));
  LANEWISE_ASSIGN_OR_RETURN(const int64_t tokens,
                            impl_->count(texts, choice, truncation, exchange));
  return work->lane.run(std::move(texts), choice, key_of(choice), tokens, exchange);
}

Result<std::vector<TokenEmbedding>> TextWork::embed_tokens(std::vector<std::string> texts,
                                                           const EmbedChoice& choice,
                                                           const Truncation& truncation,
                                                           Exchange& exchange) {
  const ModelInfo& info = impl_->model.info();
  const auto compute = [&info](TokenEmbedder& embedder, const auto& items, const auto& options,
                               const RunOptions& run) -> Result<std::vector<TokenEmbedding>> {
    LANEWISE_RETURN_IF_ERROR(set_prompt(embedder, info, options));
    return embedder.embed(views_of(items), run);
  };
  LANEWISE_ASSIGN_OR_RETURN(auto* work, impl_->lane(impl_->tokens_lane, compute, impl_->session));
  LANEWISE_ASSIGN_OR_RETURN(const int64_t tokens,
                            impl_->count(texts, choice, truncation, exchange));
  const int64_t numbers = work->made.dimension();
  if (tokens > kMostNumbers / numbers) {
    return invalid_argument(truncation.field + ": vectors of " + std::to_string(numbers) +
                            " numbers for " + std::to_string(tokens) +
                            " tokens are more than an answer may have, " +
                            std::to_string(kMostNumbers) + " numbers");
  }
  return work->lane.run(std::move(texts), choice, key_of(choice), tokens, exchange);
}

namespace {

constexpr auto kClassify = [](Classifier& classifier, const auto& items, const auto&,
                              const RunOptions& run) {
  return classify_items(classifier, items, run);
};

}  // namespace

Result<std::vector<Classification>> TextWork::classify(std::vector<TextOrPair> texts,
                                                       const Truncation& truncation,
                                                       Exchange& exchange) {
  LANEWISE_ASSIGN_OR_RETURN(auto* work,
                            impl_->lane(impl_->classify_lane, kClassify, impl_->session));
  int64_t sum = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].second) {
      LANEWISE_ASSIGN_OR_RETURN(const int64_t tokens,
                                impl_->count_pair(texts[i].first, *texts[i].second, i, truncation));
      sum += tokens;
    } else {
      LANEWISE_ASSIGN_OR_RETURN(const int64_t tokens,
                                impl_->count({texts[i].first}, {}, truncation, exchange));
      sum += tokens;
    }
  }
  LANEWISE_RETURN_IF_ERROR(impl_->charge(sum, truncation, exchange));
  return work->lane.run(std::move(texts), {}, "", sum, exchange);
}

Result<std::vector<std::string>> TextWork::labels() {
  LANEWISE_ASSIGN_OR_RETURN(auto* work,
                            impl_->lane(impl_->classify_lane, kClassify, impl_->session));
  return work->made.labels();
}

Result<std::vector<RankedText>> TextWork::rank(RankQuery query, const Truncation& truncation,
                                               Exchange& exchange) {
  const auto compute = [](Reranker& reranker, const auto& items, const auto&,
                          const RunOptions& run) { return rank_items(reranker, items, run); };
  LANEWISE_ASSIGN_OR_RETURN(auto* work, impl_->lane(impl_->rank_lane, compute, impl_->session));
  LANEWISE_ASSIGN_OR_RETURN(const int64_t sum, impl_->count_query(query, truncation, exchange));
  LANEWISE_RETURN_IF_ERROR(impl_->charge(sum, truncation, exchange));
  std::vector<RankQuery> queries;
  queries.push_back(std::move(query));
  LANEWISE_ASSIGN_OR_RETURN(std::vector<std::vector<RankedText>> found,
                            work->lane.run(std::move(queries), {}, "", sum, exchange));
  return std::move(found.front());
}

bool TextWork::normalizes() const {
  const Result<ModelGraph> graph = ModelGraph::of(impl_->model);
  if (!graph.ok()) return true;
  const auto output = graph->outputs().find(kSentenceOutput);
  return output != graph->outputs().end() &&
         std::ranges::any_of(graph->nodes(), [&](const GraphNode& node) {
           return node.output == output->second && node.op == "l2_normalize";
         });
}

BatchStats TextWork::stats() const {
  BatchStats sum;
  const auto add = [&](const auto& lazy) {
    if (const auto* work = lazy.peek()) sum += work->lane.stats();
  };
  add(impl_->embed_lane);
  add(impl_->ids_lane);
  add(impl_->sparse_lane);
  add(impl_->tokens_lane);
  add(impl_->classify_lane);
  add(impl_->rank_lane);
  return sum;
}

}  // namespace lanewise::serve
