#include "runtime/decode/prefix_index.hpp"

#include <algorithm>

namespace lanewise::decode {

PrefixIndex::Key::Key(uint64_t parent_id, std::span<const int32_t> ids) noexcept
    : parent(parent_id) {
  std::copy(ids.begin(), ids.end(), tokens.begin());
}

size_t PrefixIndex::Hash::operator()(const Key& key) const noexcept {
  uint64_t hash = key.parent;
  for (const int32_t token : key.tokens) {
    hash = (hash ^ static_cast<uint32_t>(token)) * 0x9e3779b97f4a7c15U;
    hash ^= hash >> 32;
  }
  return hash;
}

void PrefixIndex::find(Kind kind, std::span<const int32_t> ids, size_t most_tokens,
                       std::vector<int32_t>& pages) {
  auto parent = static_cast<uint64_t>(kind);
  for (size_t i = 0; (i + 1) * kTokens <= std::min(ids.size(), most_tokens); ++i) {
    const auto entry = entries_.find(Key(parent, ids.subspan(i * kTokens, kTokens)));
    if (entry == entries_.end()) break;
    entry->second.used = clock_;
    pages.push_back(entry->second.page);
    parent = entry->second.id;
  }
  ++clock_;
}

}  // namespace lanewise::decode
