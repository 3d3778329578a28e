#pragma once

#include <cstdint>

#include "base/json_tree.hpp"
#include "converters/tokenizers/sentencepiece_file.hpp"

/// Parts of a tokenizer.json that Transformers makes of a SentencePiece model of type unigram for
/// the library tokenizers.
namespace lanewise::converters {

/// A pre-tokenizer, and the decoder that undoes it: words begin with U+2581.
base::JsonTree metaspace_json();

/// A normalizer that replaces a pattern.
base::JsonTree replace_json(base::JsonTree pattern, const char* content);

/// The normalizer of the file's charsmap; null if it has none.
base::JsonTree charsmap_json(const SentencePieceFile& file);

/// The model. `penalty`, if not null, is subtracted from the score of a piece.
base::JsonTree unigram_json(const SentencePieceFile& file, int32_t unknown,
                            double (*penalty)(std::string_view piece) = nullptr);

}  // namespace lanewise::converters
