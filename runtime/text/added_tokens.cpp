#include "runtime/text/added_tokens.hpp"

#include <algorithm>
#include <cstring>

#include "runtime/text/code_points.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::text {
namespace {

bool is_single_word(std::string_view text, size_t begin, size_t end) {
  if (begin > 0 && is_word_character(decode_at(text, previous_code_point(text, begin)).value)) {
    return false;
  }
  return end == text.size() || !is_word_character(decode_at(text, end).value);
}

/// The start of the white space that ends before byte `i`, at least `floor`.
size_t space_begin(std::string_view text, size_t i, size_t floor) {
  while (i > floor) {
    const size_t previous = previous_code_point(text, i);
    if (!(code_point_class(decode_at(text, previous).value) & kSpace)) break;
    i = previous;
  }
  return i;
}

size_t space_end(std::string_view text, size_t i) {
  while (i < text.size()) {
    const CodePoint code_point = decode_at(text, i);
    if (!(code_point_class(code_point.value) & kSpace)) break;
    i += static_cast<size_t>(code_point.length);
  }
  return i;
}

}  // namespace

bool AddedTokenMatcher::add(std::string_view pattern, const AddedToken& token) {
  if (pattern.empty() || patterns_.find(pattern) != ByteTrie::kNone) return true;
  if (!patterns_.insert(pattern, static_cast<int32_t>(tokens_.size()))) return false;
  tokens_.push_back(token);
  bool& starts = starts_[static_cast<uint8_t>(pattern[0])];
  if (!starts) ++distinct_starts_;
  starts = true;
  last_start_ = pattern[0];
  return true;
}

/// The first byte at or after `i` that can start a pattern. Nearly always all patterns start with
/// the same bracket, and memchr is the fastest way to find it.
size_t AddedTokenMatcher::next_candidate(std::string_view text, size_t i) const noexcept {
  if (distinct_starts_ == 1) {
    const void* found = std::memchr(text.data() + i, last_start_, text.size() - i);
    return found ? static_cast<size_t>(static_cast<const char*>(found) - text.data()) : text.size();
  }
  while (i < text.size() && !starts_[static_cast<uint8_t>(text[i])]) ++i;
  return i;
}

bool AddedTokenMatcher::longest_match_at(std::string_view text, size_t i,
                                         Match* match) const noexcept {
  bool found = false;
  int32_t node = ByteTrie::kRoot;
  for (size_t end = i; end < text.size();) {
    node = patterns_.child(node, static_cast<uint8_t>(text[end++]));
    if (node == ByteTrie::kNone) break;
    const int32_t index = patterns_.value(node);
    if (index == ByteTrie::kNone) continue;
    *match = {&tokens_[static_cast<size_t>(index)], i, end};
    found = true;
  }
  return found;
}

bool AddedTokenMatcher::next_match(std::string_view text, size_t i, Match* match) const noexcept {
  for (; i < text.size(); ++i) {
    i = next_candidate(text, i);
    if (i < text.size() && longest_match_at(text, i, match)) return true;
  }
  return false;
}

void AddedTokenMatcher::split(std::string_view text, const Visit& visit) const {
  size_t done = 0;       // end of the text already passed to visit
  size_t known_end = 0;  // end of the last run of white space found for rstrip
  Match match;
  for (size_t search = 0; next_match(text, search, &match); search = match.end) {
    const AddedToken& token = *match.token;
    if (token.single_word && !is_single_word(text, match.begin, match.end)) continue;
    size_t begin = match.begin;
    if (token.lstrip) begin = std::max(space_begin(text, begin, done), done);
    size_t end = match.end;
    // Tokens of white space can meet the same run again and again; do not scan it each time.
    if (token.rstrip) end = known_end = end < known_end ? known_end : space_end(text, end);
    // The previous token may have taken all of this white space. (Without lstrip the two overlap,
    // as in Hugging Face.)
    if (begin >= end) continue;
    if (done < begin && !visit(nullptr, done, begin)) return;
    if (!visit(&token, begin, end)) return;
    done = end;
  }
  if (done != text.size()) visit(nullptr, done, text.size());
}

}  // namespace lanewise::text
