#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/status.hpp"
#include "runtime/text/tokenizer.hpp"

namespace lanewise::grammar {

/// The bytes that each token adds to a text, sorted into a trie. Immutable and thread-safe.
///
/// Special tokens, ids without a token and tokens that add nothing have no bytes. A grammar never
/// allows them.
class Vocabulary {
 public:
  /// A node of the trie. Nodes are in the order of a depth-first walk.
  struct Node {
    static constexpr uint8_t kNotPlain = 255;

    uint32_t end;         ///< the first node that is not below this one
    uint32_t tokens_end;  ///< the tokens of all nodes up to this one, in ids()
    uint16_t depth;       ///< bytes from the root, from 1
    uint8_t byte;         ///< the last of them
    /// If all tokens here and below consist of plain characters, the most that one has.
    uint8_t plain;
  };

  /// Fails with kUnsupported if the bytes of a token depend on its neighbours.
  static Result<Vocabulary> of(const text::Tokenizer& tokenizer);

  int32_t size() const noexcept { return static_cast<int32_t>(offsets_.size()) - 1; }
  /// Within a text.
  std::string_view bytes(int32_t id) const noexcept {
    const auto i = static_cast<size_t>(id);
    return std::string_view(bytes_).substr(offsets_[i], offsets_[i + 1] - offsets_[i]);
  }
  /// At the beginning of a text, where decoders of whole texts leave out a space.
  std::string_view first_bytes(int32_t id) const noexcept;
  /// Tokens whose bytes there are others, in ascending order.
  std::span<const int32_t> different_first() const noexcept { return first_ids_; }

  /// The tokens of at most `characters` plain characters; a bit each, as in Masks.
  std::span<const uint64_t> plain(size_t characters) const noexcept { return plain_[characters]; }

  std::span<const Node> nodes() const noexcept { return nodes_; }
  std::span<const int32_t> ids() const noexcept { return ids_; }
  size_t longest() const noexcept { return longest_; }

 private:
  void sort();
  void find_plain();

  std::string bytes_;
  std::vector<uint32_t> offsets_;  // [size + 1]
  std::vector<int32_t> first_ids_;
  std::vector<std::string> first_;  // of first_ids_
  std::vector<Node> nodes_;
  std::vector<int32_t> ids_;
  std::vector<std::vector<uint64_t>> plain_;  // [PlainRuns::kLongest + 1]
  size_t longest_ = 0;
};

}  // namespace lanewise::grammar
