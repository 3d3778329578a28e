#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/json_fields.hpp"
#include "lanewise/status.hpp"
#include "runtime/text/bert_normalizer.hpp"
#include "runtime/text/models/longest_pieces.hpp"
#include "runtime/text/normalized_text.hpp"
#include "runtime/text/tokenizer.hpp"

namespace lanewise::text {

/// BertNormalizer, BertPreTokenizer and WordPiece in one pass, several times as fast as the three
/// in sequence, with the same ids and offsets. ASCII words are looked up in place; only the text
/// around other bytes is normalised. Immutable and thread-safe.
class BertWords {
 public:
  BertWords(const BertNormalizerOptions& normalizer, const LongestPieces& pieces);

  const BertNormalizerOptions& normalizer() const noexcept { return normalizer_; }

  /// Appends the tokens of bytes [begin, end) of `text` until there are more than `budget`.
  void encode(std::string_view text, size_t begin, size_t end, size_t budget,
              std::vector<Token>* tokens) const;

  /// The same for bytes [begin, end) of a text that is already normalised.
  void encode_normalized(const NormalizedText& text, size_t begin, size_t end, size_t budget,
                         std::vector<Token>* tokens) const;

 private:
  /// The class of a byte; kOther is not ASCII, or dropped by normalisation.
  enum class ByteKind : uint8_t { kWord, kSpace, kPunctuation, kOther };
  struct Origin;

  ByteKind kind(char byte) const noexcept { return kinds_[static_cast<uint8_t>(byte)]; }
  size_t encode_around_other(std::string_view text, size_t begin, size_t end, size_t budget,
                             NormalizedText* scratch, std::vector<Token>* tokens) const;
  void encode_word(std::string_view text, size_t begin, size_t end,
                   const std::array<uint8_t, 256>& fold, const Origin& origin,
                   std::vector<Token>* tokens) const;

  BertNormalizerOptions normalizer_;
  const LongestPieces& pieces_;
  std::array<ByteKind, 256> kinds_;
  std::array<uint8_t, 256> lower_;     // ASCII to lowercase, if the normalizer lowercases
  std::array<uint8_t, 256> identity_;  // for text that is already normalised
};

/// Null unless the file's normalizer and pre-tokenizer are BERT's (or it has no normalizer).
///
/// pieces  the model's; null if it is not WordPiece. Outlives the result.
Result<std::unique_ptr<const BertWords>> read_bert_words(const base::JsonFields& file,
                                                         const LongestPieces* pieces);

}  // namespace lanewise::text
