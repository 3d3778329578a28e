#include "converters/near_miss.hpp"

#include <algorithm>

namespace lanewise::converters {
namespace {

/// A typing error is one or two characters; in a short name two could be any other name.
constexpr size_t kMostEdits = 2;
constexpr size_t kCharactersPerEdit = 4;

}  // namespace

size_t edit_distance(std::string_view a, std::string_view b, size_t most) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() - a.size() > most) return most + 1;
  // Row i of the table has the distances of a's first i characters to the beginnings of b; beyond
  // `most` from the diagonal all are larger than it.
  std::vector<size_t> row(b.size() + 1, most + 1);
  for (size_t j = 0; j <= std::min(b.size(), most); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    const size_t begin = i > most ? i - most : 0;
    const size_t end = std::min(b.size(), i + most);
    size_t diagonal = begin == 0 ? i - 1 : row[begin - 1];
    size_t left = begin == 0 ? i : most + 1;
    if (begin == 0) row[0] = i;
    for (size_t j = std::max<size_t>(begin, 1); j <= end; ++j) {
      const size_t above = row[j];
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = above;
      left = row[j] = std::min({replaced, above + 1, left + 1, most + 1});
    }
    if (begin > 0) row[begin - 1] = most + 1;
  }
  return row[b.size()];
}

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
  size_t best = std::min(kMostEdits, name.size() / kCharactersPerEdit) + 1;
  std::string found;
  for (const std::string& candidate : candidates) {
    if (best == 0 || candidate == name) continue;
    const size_t distance = edit_distance(name, candidate, best - 1);
    if (distance < best) {
      best = distance;
      found = candidate;
    }
  }
  return found;
}

}  // namespace lanewise::converters
