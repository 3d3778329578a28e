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
  int32_t id;  ///< ByteTrie::kNone, which is an error, if the model has no token for it.
  size_t begin;
  size_t end;
};

/// Splits words into tokens of a vocabulary. Immutable and thread-safe.
class SubwordModel {
 public:
  virtual ~SubwordModel();

  /// Appends the pieces of `words`, which are ranges of `text`. Stops after the word that takes
  /// their number above `budget`. kInvalidArgument if a character has no token and the model has no
  /// unknown token.
  virtual Status tokenize(std::string_view text, std::span<const Range> words, size_t budget,
                          std::vector<Piece>* pieces) const = 0;

  /// The tokens, without duplicates. Lives as long as the model.
  virtual const Vocabulary& vocabulary() const = 0;
  /// ByteTrie::kNone if there is no such token.
  virtual int32_t id(std::string_view token) const = 0;
  /// Whether unknown text is an error, wherever it occurs.
  virtual bool refuses_unknown() const { return false; }
  /// WordPiece's tokens, for BertWords; null for other models. Lives as long as the model.
  virtual const LongestPieces* longest_pieces() const { return nullptr; }
  /// The `model` of a tokenizer.json.
  virtual base::JsonTree to_json() const = 0;
};

using SubwordModelPtr = std::unique_ptr<const SubwordModel>;

/// The token for a byte in vocabularies with byte fallback, such as "<0x0A>".
std::string byte_token(uint8_t byte);

}  // namespace lanewise::text
