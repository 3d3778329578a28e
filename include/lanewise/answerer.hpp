#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/export.hpp"
#include "lanewise/model.hpp"
#include "lanewise/session.hpp"
#include "lanewise/status.hpp"

namespace lanewise {

/// A question, and the text that may contain its answer.
struct Question {
  std::string_view question;
  std::string_view context;
};

/// A part of a context.
struct Answer {
  std::string text;  ///< bytes [begin, end) of the context
  int32_t begin = 0;
  int32_t end = 0;
  float score = 0;  ///< 0 and an empty text: no part of the context is an answer
};

/// Answers questions by parts of texts (extractive question answering).
///
/// The rules are those of Transformers 4.57's question-answering pipeline. A context is read in
/// windows of min(max_text_tokens, 384) tokens, the question included, which overlap by 128 tokens or
/// half a window. An answer has at most 15 tokens and consists of whole words. Its
/// score is the probability that it begins and ends there; the scores of equal answers among the 12
/// best of each window are added. An answer has the same bits whatever other questions there are.
/// Not thread-safe: use one Answerer per thread; they share the Model.
class LANEWISE_EXPORT Answerer {
 public:
  /// Fails with kUnsupported for a model without such a head or without a tokenizer, and as
  /// Session::create does.
  static Result<Answerer> create(const Model& model, const SessionOptions& options = {});

  Answerer(Answerer&&) noexcept;
  Answerer& operator=(Answerer&&) noexcept;
  ~Answerer();

  /// Returns the best answer to each question.
  ///
  /// `progress` may be empty; it is called between batches with the number of windows done so far.
  /// Fails with kInvalidArgument, giving the question's number, counted from 1, if a text is empty
  /// or not UTF-8, or if the question leaves no room for its context; with kCancelled as `options`
  /// say.
  Result<std::vector<Answer>> answer(std::span<const Question> questions,
                                     const RunOptions& options = {},
                                     const std::function<void(int64_t done)>& progress = {});

 private:
  class Impl;
  explicit Answerer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lanewise
