#include "lanewise/classifier.hpp"

#include <utility>

#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/tasks/scores.hpp"
#include "runtime/tasks/task_names.hpp"
#include "runtime/tasks/text_batcher.hpp"

namespace lanewise {

using tasks::TextBatcher;

class Classifier::Impl {
 public:
  explicit Impl(TextBatcher batcher) : batcher_(std::move(batcher)) {}

  Result<std::vector<Classification>> classify(std::span<const std::string_view> texts,
                                               const RunOptions& options,
                                               const TextBatcher::Progress& progress) {
    LW_RETURN_IF_ERROR(batcher_.start(texts.size()));
    for (const std::string_view text : texts) LW_RETURN_IF_ERROR(batcher_.add(text, options));
    return run(options, progress);
  }

  Result<std::vector<Classification>> classify_pairs(std::span<const TextPair> pairs,
                                                     const RunOptions& options,
                                                     const TextBatcher::Progress& progress) {
    LW_RETURN_IF_ERROR(batcher_.start(pairs.size()));
    for (const TextPair& pair : pairs) {
      LW_RETURN_IF_ERROR(batcher_.add_pair(pair.first, pair.second, options));
    }
    return run(options, progress);
  }

  const HeadInfo& head() const noexcept { return batcher_.model().info().head; }

 private:
  Result<std::vector<Classification>> run(const RunOptions& options,
                                          const TextBatcher::Progress& progress) {
    std::vector<Classification> results(batcher_.size());
    const auto read = [&](const TextBatcher::Place& place) -> Status {
      LW_ASSIGN_OR_RETURN(const Session::Rows rows, batcher_.output(tasks::kLogits));
      results[place.sequence] = classification(
          {rows.data + place.row * rows.stride, static_cast<size_t>(rows.features)}, place);
      return {};
    };
    LW_RETURN_IF_ERROR(batcher_.run(options, read, progress));
    return results;
  }

  Classification classification(std::span<const float> logits,
                                const TextBatcher::Place& place) const {
    Classification result;
    const std::vector<float> scores = tasks::scores_of(logits, head().scores);
    for (const size_t label : tasks::largest(scores, scores.size())) {
      result.labels.push_back({static_cast<int32_t>(label), scores[label]});
    }
    result.tokens = batcher_.lengths()[place.sequence];
    result.truncated = batcher_.truncated(place.sequence);
    return result;
  }

  TextBatcher batcher_;
};

Result<Classifier> Classifier::create(const Model& model, const SessionOptions& options) {
  return base::no_throw([&]() -> Result<Classifier> {
    LW_RETURN_IF_ERROR(tasks::check_task(model.info(), tasks::kTextClassification, tasks::kLogits,
                                         tasks::RowsOf::kTexts));
    if (model.info().head.labels.empty()) return data_loss("the model has no labels");
    LW_ASSIGN_OR_RETURN(TextBatcher batcher,
                        TextBatcher::create(model, options, {std::string(tasks::kLogits)}));
    return Classifier(std::make_unique<Impl>(std::move(batcher)));
  });
}

Classifier::Classifier(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Classifier::Classifier(Classifier&&) noexcept = default;
Classifier& Classifier::operator=(Classifier&&) noexcept = default;
Classifier::~Classifier() = default;

Result<std::vector<Classification>> Classifier::classify(
    std::span<const std::string_view> texts, const RunOptions& options,
    const std::function<void(int64_t done)>& progress) {
  return base::no_throw([&] { return impl_->classify(texts, options, progress); });
}

Result<std::vector<Classification>> Classifier::classify_pairs(
    std::span<const TextPair> pairs, const RunOptions& options,
    const std::function<void(int64_t done)>& progress) {
  return base::no_throw([&] { return impl_->classify_pairs(pairs, options, progress); });
}

const std::vector<std::string>& Classifier::labels() const noexcept { return impl_->head().labels; }

}  // namespace lanewise
