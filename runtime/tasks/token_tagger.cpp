#include "lanewise/token_tagger.hpp"

#include <utility>

#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/tasks/entities.hpp"
#include "runtime/tasks/scores.hpp"
#include "runtime/tasks/task_names.hpp"
#include "runtime/tasks/text_batcher.hpp"

namespace lanewise {

using tasks::TextBatcher;

class TokenTagger::Impl {
 public:
  explicit Impl(TextBatcher batcher) : batcher_(std::move(batcher)) {}

  Result<std::vector<Tagging>> tag(std::span<const std::string_view> texts,
                                   const RunOptions& options,
                                   const TextBatcher::Progress& progress) {
    LW_RETURN_IF_ERROR(batcher_.start(texts.size()));
    for (const std::string_view text : texts) LW_RETURN_IF_ERROR(batcher_.add(text, options));
    std::vector<Tagging> results(texts.size());
    const auto read = [&](const TextBatcher::Place& place) -> Status {
      LW_ASSIGN_OR_RETURN(const Session::Rows rows, batcher_.output(tasks::kLogits));
      Tagging& result = results[place.sequence];
      result.entities = tasks::entities_of(labels_of(rows, place));
      result.tokens = batcher_.lengths()[place.sequence];
      result.truncated = batcher_.truncated(place.sequence);
      return {};
    };
    LW_RETURN_IF_ERROR(batcher_.run(options, read, progress));
    return results;
  }

 private:
  /// Without the tokens that the template puts around a text.
  std::vector<tasks::TokenLabel> labels_of(const Session::Rows& rows,
                                           const TextBatcher::Place& place) const {
    const std::vector<std::string>& names = batcher_.model().info().head.labels;
    std::vector<tasks::TokenLabel> labels;
    const float* row = rows.data + place.first_token * rows.stride;
    for (const text::Token& token : batcher_.tokens(place.sequence)) {
      const std::span<const float> logits(row, names.size());
      row += rows.stride;
      if (token.role == text::TokenRole::kSpecial) continue;
      const size_t best = tasks::largest(logits, 1).front();
      const float score = tasks::scores_of(logits, ScoreFunction::kSoftmax)[best];
      labels.push_back({&names[best], score, token.begin, token.end});
    }
    return labels;
  }

  TextBatcher batcher_;
};

Result<TokenTagger> TokenTagger::create(const Model& model, const SessionOptions& options) {
  return base::no_throw([&]() -> Result<TokenTagger> {
    LW_RETURN_IF_ERROR(tasks::check_task(model.info(), tasks::kTokenClassification, tasks::kLogits,
                                         tasks::RowsOf::kTokens));
    if (model.info().head.labels.empty()) return data_loss("the model has no labels");
    LW_ASSIGN_OR_RETURN(TextBatcher batcher,
                        TextBatcher::create(model, options, {std::string(tasks::kLogits)}));
    return TokenTagger(std::make_unique<Impl>(std::move(batcher)));
  });
}

TokenTagger::TokenTagger(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TokenTagger::TokenTagger(TokenTagger&&) noexcept = default;
TokenTagger& TokenTagger::operator=(TokenTagger&&) noexcept = default;
TokenTagger::~TokenTagger() = default;

Result<std::vector<Tagging>> TokenTagger::tag(std::span<const std::string_view> texts,
                                              const RunOptions& options,
                                              const std::function<void(int64_t done)>& progress) {
  return base::no_throw([&] { return impl_->tag(texts, options, progress); });
}

}  // namespace lanewise
