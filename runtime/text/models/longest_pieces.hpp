#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lanewise/status.hpp"
#include "runtime/text/byte_trie.hpp"
#include "runtime/text/token_table.hpp"

namespace lanewise::text {

/// The data of a WordPiece `model` in a tokenizer.json.
struct WordPieceModel {
  Vocabulary vocabulary;
  std::string unk_token;
  std::string continuing_subword_prefix;
  int64_t max_input_chars_per_word = 0;
};

/// WordPiece's greedy matching: takes the longest token that starts the word, then repeats on the
/// rest with the prefix of continuing pieces. Immutable and thread-safe once built.
class LongestPieces {
 public:
  /// kDataLoss if the unknown token is missing, kResourceExhausted if the vocabulary is too large.
  Status build(const WordPieceModel& model);

  int32_t find(std::string_view token) const noexcept { return vocabulary_.find(token); }
  int32_t unk_id() const noexcept { return unk_id_; }

  /// Calls piece(id, begin, end) for the pieces of bytes [begin, end) of `text`, each byte mapped
  /// through `fold`. Returns false if no pieces cover them: the whole word is then unknown,
  /// whatever calls were made before.
  template <typename Fold, typename Piece>
  bool cover(std::string_view text, size_t begin, size_t end, const Fold& fold,
             const Piece& piece) const {
    if (too_long(text.substr(begin, end - begin))) return false;
    for (size_t start = begin; start < end;) {
      int32_t node = start == begin ? ByteTrie::kRoot : continuing_;
      int32_t id = ByteTrie::kNone;
      size_t piece_end = start;
      for (size_t i = start; i < end && node != ByteTrie::kNone;) {
        node = vocabulary_.child(node, fold(static_cast<uint8_t>(text[i++])));
        if (node == ByteTrie::kNone || vocabulary_.value(node) == ByteTrie::kNone) continue;
        id = vocabulary_.value(node);
        piece_end = i;
      }
      if (id == ByteTrie::kNone) return false;
      piece(id, start, piece_end);
      start = piece_end;
    }
    return true;
  }

 private:
  bool too_long(std::string_view word) const noexcept;

  ByteTrie vocabulary_;  // -> id
  int32_t unk_id_ = 0;
  int32_t continuing_ = ByteTrie::kNone;  // the node of the prefix of continuing pieces
  int64_t max_code_points_ = 0;
};

}  // namespace lanewise::text
