#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "lanewise/answerer.hpp"
#include "runtime/text/tokenizer.hpp"

/// The rules of Transformers 4.57's question-answering pipeline, by which the logits of windows
/// become an answer.
namespace lanewise::tasks {

/// A possible answer: tokens [first, last] of a window.
struct AnswerSpan {
  size_t first = 0;
  size_t last = 0;
  double score = 0;
};

/// The best spans of a window within its second text, best first, of at most 15 tokens. Scores are
/// the products of the probabilities of both ends.
///
/// start_logits, end_logits  [tokens of the window]
std::vector<AnswerSpan> best_spans(const text::PairWindow& window,
                                   std::span<const float> start_logits,
                                   std::span<const float> end_logits);

/// Collects the answers of one question's windows.
class AnswerList {
 public:
  /// `context` must outlive this.
  explicit AnswerList(std::string_view context) : context_(context) {}

  /// Extends a span to whole words. Adds its score to that of an equal answer, compared without
  /// case, or appends it.
  void add(const text::PairWindow& window, const AnswerSpan& span);

  /// The first one with the highest score; an empty one if there is none.
  Answer best() const;

 private:
  struct Entry {
    Answer answer;
    double score = 0;
    std::string lowercase;
  };

  std::string_view context_;
  std::vector<Entry> entries_;
};

}  // namespace lanewise::tasks
