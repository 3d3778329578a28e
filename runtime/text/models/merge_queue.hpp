#pragma once

#include <cstdint>
#include <queue>
#include <vector>

namespace lanewise::text {

/// The symbols of one word while neighbours are merged: a linked list in an array.
///
/// `Merge` has the members `rank`, smaller first; `left`, the position of the left symbol, which
/// breaks ties; and whatever else a model needs.
struct MergeSymbol {
  int32_t id = 0;
  int32_t previous = -1;
  int32_t next = -1;
  size_t begin = 0;
  size_t end = 0;
  bool alive = true;
  bool frozen = false;  ///< never merged
};

struct Merge {
  int32_t rank;
  int32_t left;
  int32_t result;  ///< the symbol that the pair becomes
  size_t end;      ///< of the pair in the text; tells whether the pair still exists
};

struct LaterMerge {
  bool operator()(const Merge& a, const Merge& b) const noexcept {
    return a.rank != b.rank ? a.rank > b.rank : a.left > b.left;
  }
};

using MergeQueue = std::priority_queue<Merge, std::vector<Merge>, LaterMerge>;

/// Links the symbols in `symbols` in order.
inline void link_symbols(std::vector<MergeSymbol>* symbols) {
  const auto count = static_cast<int32_t>(symbols->size());
  for (int32_t i = 0; i < count; ++i) {
    (*symbols)[static_cast<size_t>(i)].previous = i - 1;
    (*symbols)[static_cast<size_t>(i)].next = i + 1 < count ? i + 1 : -1;
  }
}

/// Merges neighbours, best first, while `find(left symbol, right symbol, merge)` finds a merge: it
/// returns whether the pair has one and fills in its rank and result. `queued(left, right, merge)`
/// is called for each pair that becomes a candidate.
///
/// A pair stays in the queue when one of its symbols is merged with another; its end then shows
/// that it is stale. n symbols take n log n.
template <typename Find, typename Queued>
void merge_symbols(std::vector<MergeSymbol>* symbols, const Find& find, const Queued& queued) {
  MergeQueue queue;
  const auto at = [&](int32_t i) -> MergeSymbol& { return (*symbols)[static_cast<size_t>(i)]; };
  const auto offer = [&](int32_t left) {
    if (left < 0 || at(left).next < 0) return;
    const MergeSymbol& right = at(at(left).next);
    if (at(left).frozen || right.frozen) return;
    Merge merge{0, left, 0, right.end};
    if (!find(at(left), right, &merge)) return;
    queued(at(left), right, merge);
    queue.push(merge);
  };
  link_symbols(symbols);
  for (int32_t i = 0; i < static_cast<int32_t>(symbols->size()); ++i) offer(i);
  while (!queue.empty()) {
    const Merge merge = queue.top();
    queue.pop();
    MergeSymbol& left = at(merge.left);
    if (!left.alive || left.next < 0) continue;
    MergeSymbol& right = at(left.next);
    Merge now{0, merge.left, 0, right.end};
    if (right.end != merge.end || !find(left, right, &now) || now.result != merge.result) continue;
    left.id = merge.result;
    left.end = right.end;
    left.next = right.next;
    right.alive = false;
    if (left.next >= 0) at(left.next).previous = merge.left;
    offer(left.previous);
    offer(merge.left);
  }
}

template <typename Find>
void merge_symbols(std::vector<MergeSymbol>* symbols, const Find& find) {
  merge_symbols(symbols, find, [](const MergeSymbol&, const MergeSymbol&, const Merge&) {});
}

}  // namespace lanewise::text
