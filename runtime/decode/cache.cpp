#include "runtime/decode/cache.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/dcheck.hpp"
#include "base/saturating.hpp"
#include "base/status_macros.hpp"
#include "ops/attention/kv_page.hpp"

namespace lanewise::decode {
namespace {

int64_t floats_of_page(std::span<const CacheLayer> layers) {
  int64_t floats = 0;
  for (const CacheLayer& layer : layers) floats += layer.paged ? layer.floats : 0;
  return floats;
}

std::vector<int64_t> floats_of_slots(std::span<const CacheLayer> layers) {
  std::vector<int64_t> floats;
  for (const CacheLayer& layer : layers) {
    if (!layer.paged) floats.push_back(layer.floats);
  }
  return floats;
}

PrefixIndex::Kind kind_of(const Cache::Sequence& sequence) {
  return sequence.is_long ? PrefixIndex::Kind::kLong : PrefixIndex::Kind::kUsual;
}

}  // namespace

Cache::Cache(std::span<const CacheLayer> layers)
    : pages_(floats_of_page(layers)), slots_(floats_of_slots(layers)) {
  int64_t floats = 0;
  int64_t states = 0;
  for (const CacheLayer& layer : layers) {
    places_.push_back({layer.paged, layer.paged ? floats : states++});
    if (layer.paged) floats += layer.floats;
  }
}

Cache::LayerMemory Cache::layer(size_t index) const noexcept {
  const Place& place = places_[index];
  if (place.paged) return {nullptr, place.index};
  const auto state = static_cast<size_t>(place.index);
  return {slots_.layer(state), slots_.stride(state)};
}

int64_t Cache::most_tokens() const noexcept {
  constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();
  return pages_.page_bytes() > 0 ? pages_.most_pages() * ops::kPageTokens : kNoLimit;
}

Status Cache::reserve(int64_t pages, int64_t states) {
  if (pages_.page_bytes() > 0) {
    LW_RETURN_IF_ERROR(pages_.reserve(pages));
    reserved_pages_ = std::max(reserved_pages_, pages);
  }
  return slots_.layers() > 0 ? slots_.reserve(states) : Status();
}

int64_t Cache::memory_bytes(int64_t pages, int64_t states) const noexcept {
  return base::add_or_max(pages_.page_bytes() > 0 ? pages_.memory_bytes(pages) : 0,
                          slots_.layers() > 0 ? slots_.memory_bytes(states) : 0);
}

Status Cache::append(Sequence& sequence, int64_t count) {
  if (slots_.layers() > 0) LW_RETURN_IF_ERROR(slots_.reserve(count));
  if (pages_.page_bytes() > 0) LW_RETURN_IF_ERROR(append_pages(sequence, count));
  if (slots_.layers() > 0) {
    for (int64_t i = 0; i < count; ++i) slots_.append(sequence.slots);
  }
  sequence.tokens += static_cast<int32_t>(count);
  return {};
}

Status Cache::append_pages(Sequence& sequence, int64_t count) {
  const bool has_room = sequence.tokens % ops::kPageTokens != 0;
  if (has_room && pages_.is_shared(sequence.pages.back())) {
    LW_RETURN_IF_ERROR(own_last_page(sequence));
  }
  const size_t before = sequence.pages.size();
  const int64_t more = ops::pages_for(sequence.tokens + count) - static_cast<int64_t>(before);
  if (more <= 0) return {};
  sequence.data.reserve(before + static_cast<size_t>(more));
  LW_RETURN_IF_ERROR(take(more, sequence.pages));
  for (size_t i = before; i < sequence.pages.size(); ++i) {
    sequence.data.push_back(pages_.data(sequence.pages[i]));
  }
  return {};
}

/// Pages that are kept for reuse give way to those that are needed.
Status Cache::take(int64_t count, std::vector<int32_t>& pages) {
  const int64_t most =
      reserved_pages_ > 0 ? std::max(reserved_pages_, pages_.pages()) : pages_.most_pages();
  const int64_t room = most - pages_.pages() + pages_.free_pages();
  if (count > room) forget(count - room);
  return pages_.take(count, pages);
}

void Cache::forget(int64_t pages) noexcept {
  prefixes_.forget(
      static_cast<size_t>(pages), [&](int32_t page) { return !pages_.is_shared(page); },
      [&](int32_t page) { pages_.release(page); });
}

int64_t Cache::reuse(std::span<const int32_t> ids, Sequence& sequence) {
  LW_DCHECK(sequence.tokens == 0);
  if (!only_pages() || ids.empty()) return 0;
  prefixes_.find(kind_of(sequence), ids, ids.size() - 1, sequence.pages);
  sequence.data.reserve(sequence.pages.size());
  for (const int32_t page : sequence.pages) {
    pages_.hold(page);
    sequence.data.push_back(pages_.data(page));
  }
  sequence.tokens = static_cast<int32_t>(sequence.pages.size() * PrefixIndex::kTokens);
  return sequence.tokens;
}

void Cache::publish(std::span<const int32_t> ids, const Sequence& sequence) {
  if (!only_pages() || most_kept_ == 0) return;
  prefixes_.add(kind_of(sequence), ids, sequence.pages, [&](int32_t page) { pages_.hold(page); });
  const int64_t kept = static_cast<int64_t>(prefixes_.pages());
  if (kept > most_kept_) forget(kept - most_kept_);
}

Status Cache::own_last_page(Sequence& sequence) {
  std::vector<int32_t> own;
  LW_RETURN_IF_ERROR(take(1, own));
  float* data = pages_.data(own.front());
  std::memcpy(data, sequence.data.back(), static_cast<size_t>(pages_.page_bytes()));
  pages_.release(sequence.pages.back());
  sequence.pages.back() = own.front();
  sequence.data.back() = data;
  return {};
}

void Cache::share(const Sequence& sequence, Sequence& copy) {
  LW_DCHECK(copy.tokens == 0);
  copy.data.assign(sequence.data.begin(), sequence.data.end());
  copy.pages.reserve(sequence.pages.size());
  slots_.share(sequence.slots, copy.slots);
  copy.pages.assign(sequence.pages.begin(), sequence.pages.end());
  for (const int32_t page : copy.pages) pages_.hold(page);
  copy.tokens = sequence.tokens;
  copy.is_long = sequence.is_long;
}

void Cache::truncate(Sequence& sequence, int32_t tokens) noexcept {
  LW_DCHECK(tokens <= sequence.tokens);
  if (pages_.page_bytes() > 0) {
    const auto keep = static_cast<size_t>(ops::pages_for(tokens));
    while (sequence.pages.size() > keep) {
      pages_.release(sequence.pages.back());
      sequence.pages.pop_back();
      sequence.data.pop_back();
    }
  }
  if (slots_.layers() > 0) slots_.truncate(sequence.slots, static_cast<size_t>(tokens));
  sequence.tokens = tokens;
}

void Cache::release(Sequence& sequence) noexcept { truncate(sequence, 0); }

void Cache::release_all() noexcept {
  prefixes_.clear();
  pages_.release_all();
  slots_.release_all();
}

}  // namespace lanewise::decode
