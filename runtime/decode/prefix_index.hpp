#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "ops/attention/kv_page.hpp"

namespace lanewise::decode {

/// Full pages of earlier sequences, by the tokens from the beginning of the sequence to the end of
/// the page: a prompt that begins like an earlier one need not be computed again.
///
/// Only numbers of pages; the cache holds them.
class PrefixIndex {
 public:
  static constexpr auto kTokens = static_cast<size_t>(ops::kPageTokens);

  /// Sequences of different kinds have different keys and values for the same tokens
  /// (Cache::Sequence::is_long).
  enum class Kind : uint64_t { kUsual, kLong };

  /// The pages of the longest beginning of `ids` that is known, a multiple of kTokens tokens and at
  /// most `most_tokens`. Appended to `pages`.
  void find(Kind kind, std::span<const int32_t> ids, size_t most_tokens,
            std::vector<int32_t>& pages);

  /// Adds the full pages of a sequence of these tokens; `pages` has them all. Calls `hold` for each
  /// page that was not known.
  template <typename Hold>
  void add(Kind kind, std::span<const int32_t> ids, std::span<const int32_t> pages,
           const Hold& hold) {
    auto parent = static_cast<uint64_t>(kind);
    for (size_t i = 0; (i + 1) * kTokens <= ids.size(); ++i) {
      const Key key(parent, ids.subspan(i * kTokens, kTokens));
      const auto [entry, added] = entries_.try_emplace(key, Entry{pages[i], next_id_, clock_});
      if (added) {
        ++next_id_;
        hold(pages[i]);
      }
      entry->second.used = clock_;
      parent = entry->second.id;
    }
    ++clock_;
  }

  /// Forgets up to `count` pages, those that were not used for longest first, of which `may_forget`.
  /// Calls `release` for each.
  template <typename MayForget, typename Release>
  void forget(size_t count, const MayForget& may_forget, const Release& release) {
    while (count > 0) {
      const auto oldest = find_oldest(may_forget);
      if (oldest == entries_.end()) return;
      release(oldest->second.page);
      entries_.erase(oldest);
      --count;
    }
  }

  size_t pages() const noexcept { return entries_.size(); }
  void clear() noexcept { entries_.clear(); }

 private:
  static constexpr uint64_t kKinds = 2;

  /// A page's tokens, and which page they follow: its id, or the kind of the sequence.
  struct Key {
    Key(uint64_t parent, std::span<const int32_t> ids) noexcept;
    bool operator==(const Key&) const = default;

    uint64_t parent;
    std::array<int32_t, kTokens> tokens;
  };
  struct Hash {
    size_t operator()(const Key& key) const noexcept;
  };
  struct Entry {
    int32_t page;
    uint64_t id;    // never given twice, so that a page cannot follow another than it did
    uint64_t used;  // when
  };
  using Entries = std::unordered_map<Key, Entry, Hash>;

  /// Of two that were used at the same time, the later page of a sequence: nothing finds it without
  /// those before.
  template <typename MayForget>
  Entries::iterator find_oldest(const MayForget& may_forget) {
    auto oldest = entries_.end();
    for (auto it = entries_.begin(); it != entries_.end(); ++it) {
      if (!may_forget(it->second.page)) continue;
      const Entry& entry = it->second;
      if (oldest == entries_.end() || entry.used < oldest->second.used ||
          (entry.used == oldest->second.used && entry.id > oldest->second.id)) {
        oldest = it;
      }
    }
    return oldest;
  }

  Entries entries_;
  uint64_t next_id_ = kKinds;
  uint64_t clock_ = 0;
};

}  // namespace lanewise::decode
