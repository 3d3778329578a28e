#include "runtime/tasks/answer_spans.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include "lanewise/tokenizer.hpp"
#include "runtime/text/code_points.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::tasks {
namespace {

constexpr size_t kMostTokens = 15;
// The pipeline takes 2 * top_k + 10 spans of each window, because some may turn out to be equal.
constexpr size_t kSpansOfWindow = 12;
// The pipeline's logit for tokens outside of the context.
constexpr double kMasked = -10000.0;

/// Probabilities of the window's tokens to be an end of the answer. The first token and others like
/// it, by which models say that there is no answer, take part in the softmax; the first one is no
/// answer itself.
std::vector<double> probabilities(const text::PairWindow& window, std::span<const float> logits) {
  const text::Token& first = window.tokens.front();
  const bool has_cls = first.role == text::TokenRole::kSpecial;
  std::vector<double> values(logits.size(), kMasked);
  for (size_t i = 0; i < values.size(); ++i) {
    const bool in_context = i >= window.second_begin && i < window.second_end;
    const bool is_cls = has_cls && window.tokens[i].id == first.id;
    if (in_context || is_cls) values[i] = logits[i];
  }
  const double most = *std::ranges::max_element(values);
  double sum = 0;
  for (double& value : values) sum += value = std::exp(value - most);
  for (double& value : values) value /= sum;
  values[0] = 0;
  return values;
}

std::string lowercase_of(std::string_view text) {
  // Words need not consist of whole characters, whatever a tokenizer's file says.
  if (text::valid_utf8_prefix(text) != text.size()) return std::string(text);
  std::string lower;
  for (size_t i = 0; i < text.size();) {
    const text::CodePoint code_point = text::decode_at(text, i);
    char32_t out[2];
    const int count = text::lowercase(code_point.value, out);
    for (int k = 0; k < count; ++k) text::append_utf8(out[k], &lower);
    i += static_cast<size_t>(code_point.length);
  }
  return lower;
}

/// The bytes of the words that tokens [first, last] are parts of. A word may go on in another window;
/// like the pipeline, this looks at one alone.
ByteRange words_around(const text::PairWindow& window, const AnswerSpan& span) {
  const auto is_within = [&](size_t token) {
    return window.tokens[token].role == text::TokenRole::kWithinWord;
  };
  size_t first = span.first;
  while (first > window.second_begin && is_within(first)) --first;
  size_t last = span.last;
  while (last + 1 < window.second_end && is_within(last + 1)) ++last;
  return {window.tokens[first].begin, window.tokens[last].end};
}

}  // namespace

std::vector<AnswerSpan> best_spans(const text::PairWindow& window,
                                   std::span<const float> start_logits,
                                   std::span<const float> end_logits) {
  const std::vector<double> starts = probabilities(window, start_logits);
  const std::vector<double> ends = probabilities(window, end_logits);
  const auto before = [](const AnswerSpan& a, const AnswerSpan& b) { return a.score > b.score; };
  std::vector<AnswerSpan> spans;
  for (size_t first = window.second_begin; first < window.second_end; ++first) {
    const size_t limit = std::min(window.second_end, first + kMostTokens);
    for (size_t last = first; last < limit; ++last) {
      const AnswerSpan span{first, last, starts[first] * ends[last]};
      const bool is_full = spans.size() == kSpansOfWindow;
      if (is_full && !(span.score > spans.back().score)) continue;
      if (is_full) spans.pop_back();
      spans.insert(std::ranges::upper_bound(spans, span, before), span);
    }
  }
  return spans;
}

void AnswerList::add(const text::PairWindow& window, const AnswerSpan& span) {
  const ByteRange bytes = words_around(window, span);
  const auto begin = static_cast<size_t>(bytes.begin);
  const std::string_view text =
      context_.substr(begin, static_cast<size_t>(std::max(bytes.end, bytes.begin)) - begin);
  std::string lowercase = lowercase_of(text);
  const auto equal = std::ranges::find(entries_, lowercase, &Entry::lowercase);
  if (equal != entries_.end()) {
    equal->score += span.score;
    return;
  }
  entries_.push_back({.answer = {.text = std::string(text), .begin = bytes.begin, .end = bytes.end},
                      .score = span.score,
                      .lowercase = std::move(lowercase)});
}

Answer AnswerList::best() const {
  if (entries_.empty()) return {};
  const Entry& best = *std::ranges::max_element(
      entries_, [](const Entry& a, const Entry& b) { return a.score < b.score; });
  Answer answer = best.answer;
  answer.score = static_cast<float>(best.score);
  return answer;
}

}  // namespace lanewise::tasks
