#include "runtime/grammar/code_point_set.hpp"

#include <algorithm>

namespace lanewise::grammar {
namespace {

constexpr char32_t kBelowSurrogates = 0xD7FF;
constexpr char32_t kAboveSurrogates = 0xE000;

}  // namespace

CodePointSet::CodePointSet(const std::vector<CodePointRange>& ranges) {
  std::vector<CodePointRange> scalars;
  for (CodePointRange range : ranges) {
    range.last = std::min(range.last, kLastCodePoint);
    const char32_t below = std::min(range.last, kBelowSurrogates);
    const char32_t above = std::max(range.first, kAboveSurrogates);
    if (range.first <= below) scalars.push_back({range.first, below});
    if (above <= range.last) scalars.push_back({above, range.last});
  }
  std::sort(scalars.begin(), scalars.end(),
            [](const CodePointRange& a, const CodePointRange& b) { return a.first < b.first; });
  for (const CodePointRange& range : scalars) {
    if (!ranges_.empty() && range.first <= ranges_.back().last + 1) {
      ranges_.back().last = std::max(ranges_.back().last, range.last);
    } else {
      ranges_.push_back(range);
    }
  }
}

bool CodePointSet::contains(char32_t code_point) const noexcept {
  return std::any_of(ranges_.begin(), ranges_.end(), [&](const CodePointRange& range) {
    return range.first <= code_point && code_point <= range.last;
  });
}

CodePointSet CodePointSet::complement() const {
  std::vector<CodePointRange> rest;
  char32_t next = 0;
  for (const CodePointRange& range : ranges_) {
    if (range.first > next) rest.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= kLastCodePoint) rest.push_back({next, kLastCodePoint});
  return CodePointSet(rest);
}

CodePointSet CodePointSet::without(const CodePointSet& other) const {
  std::vector<CodePointRange> rest;
  const CodePointSet kept = other.complement();
  for (const CodePointRange& a : ranges_) {
    for (const CodePointRange& b : kept.ranges_) {
      const char32_t first = std::max(a.first, b.first);
      const char32_t last = std::min(a.last, b.last);
      if (first <= last) rest.push_back({first, last});
    }
  }
  return CodePointSet(rest);
}

}  // namespace lanewise::grammar
