#include "lanewise/reranker.hpp"

#include <utility>

#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/tasks/scores.hpp"
#include "runtime/tasks/task_names.hpp"
#include "runtime/tasks/text_batcher.hpp"

namespace lanewise {

using tasks::TextBatcher;

class Reranker::Impl {
 public:
  explicit Impl(TextBatcher batcher) : batcher_(std::move(batcher)) {}

  Result<std::vector<RankedText>> rank(std::string_view query,
                                       std::span<const std::string_view> texts,
                                       const RunOptions& options,
                                       const TextBatcher::Progress& progress) {
    LW_RETURN_IF_ERROR(batcher_.start(texts.size()));
    for (const std::string_view text : texts) {
      LW_RETURN_IF_ERROR(batcher_.add_pair(query, text, options));
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
};

Result<Reranker> Reranker::create(const Model& model, const SessionOptions& options) {
  return base::no_throw([&]() -> Result<Reranker> {
    LW_RETURN_IF_ERROR(tasks::check_task(model.info(), tasks::kTextClassification, tasks::kLogits,
                                         tasks::RowsOf::kTexts));
    const size_t labels = model.info().head.labels.size();
    if (labels != 1) {
      return unsupported("a model with " + std::to_string(labels) +
                         " labels cannot rank texts: expected one label");
    }
    LW_ASSIGN_OR_RETURN(TextBatcher batcher,
                        TextBatcher::create(model, options, {std::string(tasks::kLogits)}));
    return Reranker(std::make_unique<Impl>(std::move(batcher)));
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
