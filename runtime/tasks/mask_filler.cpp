#include "lanewise/mask_filler.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/messages.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/tasks/scores.hpp"
#include "runtime/tasks/task_names.hpp"
#include "runtime/tasks/text_batcher.hpp"

namespace lanewise {

using tasks::TextBatcher;

class MaskFiller::Impl {
 public:
  Impl(TextBatcher batcher, int32_t mask) : batcher_(std::move(batcher)), mask_(mask) {}

  Result<std::vector<FilledText>> fill(std::span<const std::string_view> texts, int64_t top,
                                       const RunOptions& options,
                                       const TextBatcher::Progress& progress) {
    if (top < 1) return invalid_argument("expected at least 1 token for each mask");
    LW_RETURN_IF_ERROR(batcher_.start(texts.size()));
    for (const std::string_view text : texts) LW_RETURN_IF_ERROR(add(text, options));
    std::vector<FilledText> results(texts.size());
    const auto read = [&](const TextBatcher::Place& place) -> Status {
      FilledText& result = results[place.sequence];
      result.tokens = batcher_.lengths()[place.sequence];
      result.truncated = batcher_.truncated(place.sequence);
      return read_masks(place, static_cast<size_t>(top), result);
    };
    LW_RETURN_IF_ERROR(batcher_.run(options, read, progress));
    return results;
  }

 private:
  Status add(std::string_view text, const RunOptions& options) {
    const size_t index = batcher_.size();
    LW_RETURN_IF_ERROR(batcher_.add(text, options));
    const auto tokens = batcher_.tokens(index);
    if (std::ranges::find(tokens, mask_, &text::Token::id) != tokens.end()) return {};
    const std::string mask = base::in_quotes(batcher_.model().info().head.mask_token);
    return invalid_argument(tasks::numbered("text", index) + " has no mask " + mask +
                            (batcher_.truncated(index) ? " before its truncation" : ""));
  }

  Status read_masks(const TextBatcher::Place& place, size_t top, FilledText& result) {
    LW_ASSIGN_OR_RETURN(const Session::Rows rows, batcher_.output(tasks::kLogits));
    const float* row = rows.data + place.first_token * rows.stride;
    for (const text::Token& token : batcher_.tokens(place.sequence)) {
      const std::span<const float> logits(row, static_cast<size_t>(rows.features));
      row += rows.stride;
      if (token.id != mask_) continue;
      LW_ASSIGN_OR_RETURN(result.masks.emplace_back(), best_tokens(logits, top));
    }
    return {};
  }

  Result<std::vector<TokenScore>> best_tokens(std::span<const float> logits, size_t top) const {
    const std::vector<float> scores = tasks::scores_of(logits, ScoreFunction::kSoftmax);
    std::vector<TokenScore> best;
    for (const size_t index : tasks::largest(logits, top)) {
      const auto id = static_cast<int32_t>(index);
      LW_ASSIGN_OR_RETURN(std::string token, batcher_.tokenizer().decode({&id, 1}, false));
      best.push_back({.id = id, .score = scores[index], .token = std::move(token)});
    }
    return best;
  }

  TextBatcher batcher_;
  int32_t mask_;
};

namespace {

Result<int32_t> find_mask(const text::Tokenizer& tokenizer, const HeadInfo& head) {
  if (head.mask_token.empty()) return unsupported("the model's tokenizer has no mask token");
  const std::optional<int32_t> id = tokenizer.id(head.mask_token);
  if (id) return *id;
  return unsupported("the tokenizer has no token " + base::in_quotes(head.mask_token) +
                     ", the model's mask");
}

}  // namespace

Result<MaskFiller> MaskFiller::create(const Model& model, const SessionOptions& options) {
  return base::no_throw([&]() -> Result<MaskFiller> {
    LW_RETURN_IF_ERROR(
        tasks::check_task(model.info(), tasks::kFillMask, tasks::kLogits, tasks::RowsOf::kTokens));
    LW_ASSIGN_OR_RETURN(TextBatcher batcher,
                        TextBatcher::create(model, options, {std::string(tasks::kLogits)}));
    LW_ASSIGN_OR_RETURN(const int32_t mask, find_mask(batcher.tokenizer(), model.info().head));
    return MaskFiller(std::make_unique<Impl>(std::move(batcher), mask));
  });
}

MaskFiller::MaskFiller(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MaskFiller::MaskFiller(MaskFiller&&) noexcept = default;
MaskFiller& MaskFiller::operator=(MaskFiller&&) noexcept = default;
MaskFiller::~MaskFiller() = default;

Result<std::vector<FilledText>> MaskFiller::fill(
    std::span<const std::string_view> texts, int64_t top, const RunOptions& options,
    const std::function<void(int64_t done)>& progress) {
  return base::no_throw([&] { return impl_->fill(texts, top, options, progress); });
}

}  // namespace lanewise
