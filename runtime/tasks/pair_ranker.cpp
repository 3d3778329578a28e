#include <string>
#include <utility>

#include "base/status_macros.hpp"
#include "runtime/tasks/prompts.hpp"
#include "runtime/tasks/rankers.hpp"
#include "runtime/tasks/scores.hpp"
#include "runtime/tasks/task_names.hpp"
#include "runtime/tasks/text_batcher.hpp"

namespace lanewise::tasks {
namespace {

class PairRanker : public Ranker {
 public:
  PairRanker(TextBatcher batcher, PromptChoice prompt)
      : batcher_(std::move(batcher)), prompt_(std::move(prompt)) {}

  Result<std::vector<RankedText>> compare(std::string_view query,
                                          std::span<const std::string_view> texts,
                                          const RunOptions& options,
                                          const TextBatcher::Progress& progress) override {
    LW_RETURN_IF_ERROR(batcher_.start(texts.size()));
    const std::string prompted(prompt_.before(query));
    for (const std::string_view text : texts) {
      LW_RETURN_IF_ERROR(batcher_.add_pair(prompted, text, options));
    }
    const ScoreFunction function = batcher_.model().info().head.ranking;
    std::vector<RankedText> results(texts.size());
    const auto read = [&](const TextBatcher::Place& place) -> Status {
      LW_ASSIGN_OR_RETURN(const Session::Rows rows, batcher_.output(kLogits));
      const std::span<const float> logit{rows.data + place.row * rows.stride, 1};
      results[place.sequence] = {.index = static_cast<int64_t>(place.sequence),
                                 .score = scores_of(logit, function).front(),
                                 .tokens = batcher_.lengths()[place.sequence],
                                 .truncated = batcher_.truncated(place.sequence)};
      return {};
    };
    LW_RETURN_IF_ERROR(batcher_.run(options, read, progress));
    return results;
  }

 private:
  TextBatcher batcher_;
  PromptChoice prompt_;  // before the query
};

}  // namespace

MadeRanker make_pair_ranker(const Model& model, const SessionOptions& options) {
  const ModelInfo& info = model.info();
  LW_RETURN_IF_ERROR(check_task(info, kTextClassification, kLogits, RowsOf::kTexts));
  const size_t labels = info.head.labels.size();
  if (labels != 1) {
    return unsupported("a model with " + std::to_string(labels) +
                       " labels cannot rank texts: expected one label");
  }
  LW_ASSIGN_OR_RETURN(TextBatcher batcher,
                      TextBatcher::create(model, options, {std::string(kLogits)}));
  PromptChoice prompt;
  LW_RETURN_IF_ERROR(prompt.choose(info, info.default_prompt));
  return MadeRanker(std::make_unique<PairRanker>(std::move(batcher), std::move(prompt)));
}

}  // namespace lanewise::tasks
