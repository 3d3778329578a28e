#include "lanewise/answerer.hpp"

#include <algorithm>
#include <utility>

#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/tasks/answer_spans.hpp"
#include "runtime/tasks/task_names.hpp"
#include "runtime/tasks/text_batcher.hpp"

namespace lanewise {
namespace {

using tasks::TextBatcher;

// max_seq_len and doc_stride of the pipeline.
constexpr int64_t kMostWindowTokens = 384;
constexpr int64_t kMostOverlap = 128;

/// A window and the question that it belongs to.
struct Window {
  size_t question = 0;
  text::PairWindow tokens;
};

}  // namespace

class Answerer::Impl {
 public:
  explicit Impl(TextBatcher batcher) : batcher_(std::move(batcher)) {}

  Result<std::vector<Answer>> answer(std::span<const Question> questions, const RunOptions& options,
                                     const TextBatcher::Progress& progress) {
    LW_RETURN_IF_ERROR(batcher_.start(questions.size()));
    std::vector<Window> windows;
    for (size_t i = 0; i < questions.size(); ++i) {
      LW_RETURN_IF_ERROR(tasks::check_cancelled(options, kQuestion, i));
      const Status status = add(questions[i], i, windows);
      if (!status.ok()) return status.with_context(tasks::numbered(kQuestion, i));
    }
    std::vector<std::vector<tasks::AnswerSpan>> spans(windows.size());
    const auto read = [&](const TextBatcher::Place& place) -> Status {
      LW_ASSIGN_OR_RETURN(const std::vector<float> starts, logits(tasks::kStartLogits, place));
      LW_ASSIGN_OR_RETURN(const std::vector<float> ends, logits(tasks::kEndLogits, place));
      spans[place.sequence] = tasks::best_spans(windows[place.sequence].tokens, starts, ends);
      return {};
    };
    LW_RETURN_IF_ERROR(batcher_.run(options, read, progress));
    return answers(questions, windows, spans);
  }

 private:
  static constexpr std::string_view kQuestion = "question";

  Status add(const Question& question, size_t index, std::vector<Window>& windows) {
    if (question.question.empty()) return invalid_argument("the question is empty");
    if (question.context.empty()) return invalid_argument("the context is empty");
    const int64_t length = std::min(batcher_.model().info().max_text_tokens, kMostWindowTokens);
    LW_ASSIGN_OR_RETURN(std::vector<text::PairWindow> its_windows,
                        batcher_.tokenizer().encode_windows(
                            question.question, question.context,
                            {.max_length = length, .overlap = std::min(length / 2, kMostOverlap)}));
    for (text::PairWindow& window : its_windows) {
      if (window.tokens.empty()) return invalid_argument("the texts have no tokens");
      batcher_.add_tokens(window.tokens, window.type_ids, {});
      windows.push_back({index, std::move(window)});
    }
    return {};
  }

  Result<std::vector<float>> logits(std::string_view name, const TextBatcher::Place& place) const {
    LW_ASSIGN_OR_RETURN(const Session::Rows rows, batcher_.output(name));
    std::vector<float> values;
    for (int64_t i = 0; i < batcher_.lengths()[place.sequence]; ++i) {
      values.push_back(rows.data[(place.first_token + i) * rows.stride]);
    }
    return values;
  }

  static std::vector<Answer> answers(std::span<const Question> questions,
                                     std::span<const Window> windows,
                                     std::span<const std::vector<tasks::AnswerSpan>> spans) {
    std::vector<Answer> result;
    size_t window = 0;
    for (size_t i = 0; i < questions.size(); ++i) {
      tasks::AnswerList list(questions[i].context);
      for (; window < windows.size() && windows[window].question == i; ++window) {
        for (const tasks::AnswerSpan& span : spans[window]) list.add(windows[window].tokens, span);
      }
      result.push_back(list.best());
    }
    return result;
  }

  TextBatcher batcher_;
};

Result<Answerer> Answerer::create(const Model& model, const SessionOptions& options) {
  return base::no_throw([&]() -> Result<Answerer> {
    LW_RETURN_IF_ERROR(tasks::check_task(model.info(), tasks::kQuestionAnswering,
                                         tasks::kStartLogits, tasks::RowsOf::kTokens));
    LW_RETURN_IF_ERROR(
        tasks::check_output(model.info(), tasks::kEndLogits, tasks::RowsOf::kTokens));
    LW_ASSIGN_OR_RETURN(TextBatcher batcher, TextBatcher::create(model, options,
                                                                 {std::string(tasks::kStartLogits),
                                                                  std::string(tasks::kEndLogits)}));
    return Answerer(std::make_unique<Impl>(std::move(batcher)));
  });
}

Answerer::Answerer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Answerer::Answerer(Answerer&&) noexcept = default;
Answerer& Answerer::operator=(Answerer&&) noexcept = default;
Answerer::~Answerer() = default;

Result<std::vector<Answer>> Answerer::answer(std::span<const Question> questions,
                                             const RunOptions& options,
                                             const std::function<void(int64_t done)>& progress) {
  return base::no_throw([&] { return impl_->answer(questions, options, progress); });
}

}  // namespace lanewise
