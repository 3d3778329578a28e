#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_tree.hpp"
#include "lanewise/status.hpp"
#include "runtime/text/pre_tokenizers/pre_tokenizer.hpp"
#include "runtime/text/token_table.hpp"

namespace lanewise::text {

class LongestPieces;

/// A token and the bytes [begin, end) of the normalised text that it stands for.
struct Piece {
  int32_t id;  ///< ByteTrie::kNone where the model has no token for it, which is an error.
  size_t begin;
  size_t end;
};

/// Cuts words into the tokens of a vocabulary. Immutable and thread-safe.
class SubwordModel {
 public:
  virtual ~SubwordModel();

  /// Appends the pieces of `words`, which are ranges of `text`. Stops behind the word with which
  /// there are more than `budget` of them. kInvalidArgument if a character has no token and the
  /// model none for the unknown.
  virtual Status tokenize(std::string_view text, std::span<const Range> words, size_t budget,
                          std::vector<Piece>* pieces) const = 0;

  /// Its tokens, none twice. Lives as long as the model.
  virtual const Vocabulary& vocabulary() const = 0;
  /// kNone of ByteTrie if it has no such token.
  virtual int32_t id(std::string_view token) const = 0;
  /// Whether some text is an error, wherever it stands.
  virtual bool refuses_unknown() const { return false; }
  /// WordPiece's tokens, for BertWords; null for other models. Live as long as the model.
  virtual const LongestPieces* longest_pieces() const { return nullptr; }
  /// The `model` of a tokenizer.json.
  virtual base::JsonTree to_json() const = 0;
};

using SubwordModelPtr = std::unique_ptr<const SubwordModel>;

/// The token that stands for a byte where a vocabulary has no character, "<0x0A>".
std::string byte_token(uint8_t byte);

}  // namespace lanewise::text
