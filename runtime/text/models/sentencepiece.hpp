#pragma once

#include "base/json_fields.hpp"
#include "runtime/text/models/subword_model.hpp"

namespace lanewise::text {

/// The type of a piece of a SentencePiece model, as numbered in its file format.
enum class PieceKind : int32_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,      ///< Not matched in texts; decodes to nothing.
  kUserDefined = 4,  ///< Always matched.
  kUnused = 5,
  kByte = 6,
};

/// A SentencePiece model computed exactly as SentencePiece does, with its float sums and merge
/// order; the types Unigram and BPE follow Hugging Face. Our own type:
///
///   {"type": "SentencePiece", "algorithm": "unigram", "bpe", "word" or "char",
///    "byte_fallback": false, "pieces": [[piece, score, kind], ...], "vocab": {piece: id},
///    "unk_token": piece}
///
/// Without `vocab` the id of a piece is its index, and the unknown token is the piece of that kind.
/// A word of n characters takes n log n.
Result<SubwordModelPtr> read_sentencepiece_model(const base::JsonFields& model);

}  // namespace lanewise::text
