#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lanewise/status.hpp"
#include "runtime/decode/page_pool.hpp"
#include "runtime/decode/prefix_index.hpp"
#include "runtime/decode/slot_pool.hpp"

namespace lanewise::decode {

/// What a decoder keeps of one layer: pages of keys and values (ops/attention/kv_page.hpp), or the
/// states of a recurrent layer.
struct CacheLayer {
  bool paged = false;
  int64_t floats = 0;  ///< of a page, or of a token's state
};

/// What a decoder keeps of the tokens that it has processed.
///
/// Keys and values are in pages of kPageTokens tokens; a page holds all layers. Sequences with a
/// common beginning share its pages. Whoever appends to a page that is not full and has other
/// holders gets a copy of it first.
class Cache {
 public:
  /// The tokens of one sequence. Belongs to one cache, which must release it.
  struct Sequence {
    int32_t tokens = 0;
    /// Whether it may have more tokens than the model was trained on, if that changes how they are
    /// computed (Decoder::is_long). Set before the first token; such sequences share pages with
    /// each other only.
    bool is_long = false;
    std::vector<int32_t> pages;  ///< numbers
    std::vector<float*> data;    ///< of these pages
    SlotPool::Slots slots;       ///< of states
  };

  explicit Cache(std::span<const CacheLayer> layers);

  void set_limit(int64_t bytes) noexcept { pages_.set_limit(bytes); }
  /// The most tokens of a sequence that has all of the cache.
  int64_t most_tokens() const noexcept;
  /// Allocates for sequences of that many pages and states together. The pages then hold what is
  /// kept for reuse(), too: it gives way before more are allocated. kResourceExhausted as append().
  Status reserve(int64_t pages, int64_t states);
  /// Bytes that reserve() allocates in an empty cache; INT64_MAX if no machine has that much.
  int64_t memory_bytes(int64_t pages, int64_t states) const noexcept;
  /// Keeps up to `pages` full pages of sequences that were released, for reuse().
  void keep(int64_t pages) noexcept { most_kept_ = pages; }

  /// Gives an empty sequence the tokens at the beginning of `ids` that the pages of earlier ones
  /// hold, and returns their number. Never all: the last token has to be computed.
  int64_t reuse(std::span<const int32_t> ids, Sequence& sequence);
  /// Makes the full pages of a sequence of the tokens `ids` known to reuse(). They must have been
  /// computed.
  void publish(std::span<const int32_t> ids, const Sequence& sequence);

  /// Makes room for `count` more tokens of a sequence. kResourceExhausted, with the sequence
  /// unchanged, if there is no memory.
  Status append(Sequence& sequence, int64_t count);
  /// Makes `copy`, which must be empty, a sequence of the same tokens.
  void share(const Sequence& sequence, Sequence& copy);
  /// Shortens a sequence to `tokens`, at most as many as it has.
  void truncate(Sequence& sequence, int32_t tokens) noexcept;
  /// Releases all tokens of a sequence.
  void release(Sequence& sequence) noexcept;
  /// Releases all sequences, which must not be used afterwards.
  void release_all() noexcept;

  /// The memory of a layer, for the operand of its input in a step.
  struct LayerMemory {
    float* data = nullptr;  ///< null for pages
    int64_t stride = 0;     ///< floats from slot to slot, or where the layer begins in a page
  };
  LayerMemory layer(size_t index) const noexcept;

  const PagePool& pages() const noexcept { return pages_; }
  const SlotPool& slots() const noexcept { return slots_; }

 private:
  /// Where a layer is: in pages, or among the layers of slots.
  struct Place {
    bool paged;
    int64_t index;  // its first float in a page, or its number among the layers of slots
  };

  /// Whether sequences are nothing but pages.
  bool only_pages() const noexcept { return slots_.layers() == 0 && pages_.page_bytes() > 0; }
  Status append_pages(Sequence& sequence, int64_t count);
  Status take(int64_t count, std::vector<int32_t>& pages);
  void forget(int64_t pages) noexcept;
  Status own_last_page(Sequence& sequence);

  std::vector<Place> places_;
  PagePool pages_;
  SlotPool slots_;
  PrefixIndex prefixes_;
  int64_t most_kept_ = 0;
  int64_t reserved_pages_ = 0;
};

}  // namespace lanewise::decode
