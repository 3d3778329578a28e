#pragma once

#include "base/json_fields.hpp"
#include "runtime/text/models/subword_model.hpp"

namespace lanewise::text {

/// What a piece of a SentencePiece model is, by the numbers of its file format.
enum class PieceKind : int32_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,      ///< Not found in texts, and no text itself.
  kUserDefined = 4,  ///< Always found.
  kUnused = 5,
  kByte = 6,
};

/// A SentencePiece model as SentencePiece itself computes it, in its float sums and its order of
/// merges; the types Unigram and BPE are Hugging Face's. A type of our own:
///
///   {"type": "SentencePiece", "algorithm": "unigram", "bpe", "word" or "char",
///    "byte_fallback": false, "pieces": [[piece, score, kind], ...], "vocab": {piece: id},
///    "unk_token": piece}
///
/// Without `vocab` the id of a piece is its place, and the unknown token is the piece of that kind.
/// A word takes n log n.
Result<SubwordModelPtr> read_sentencepiece_model(const base::JsonFields& model);

}  // namespace lanewise::text
