#pragma once

#include <string>
#include <string_view>

#include "converters/tokenizers/companions.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// What runs a tokenizer in Transformers: the library tokenizers, or Python code (Marian's and
/// M2M100's, ByT5's), for which only those tokens are special that a setting or the class names.
enum class Backend { kTokenizers, kPython };

/// A tokenizer.json, or one of our own making, with what stands beside it, as Transformers reads
/// the two together: the settings that the class lays over the file's, the added tokens, and which
/// of them are special.
///
/// Added tokens of a tokenizer.json have their ids counted on from the vocabulary, whatever the
/// files say, as tokenizers does; those of SentencePiece models and of Python classes have the ids
/// that are written.
///
/// Two things differ from Transformers. A special token that only the class names, and no file,
/// does not make the vocabulary grow, since the model has no row for it. A BERT whose normalizer
/// is not BERT's keeps it: Transformers 5 puts its own there, Transformers 4 does not.
/// kDataLoss if a part of the file has another type than it should.
Result<std::string> apply_companions(const Companions& companions, Backend backend,
                                     std::string_view tokenizer_json);

}  // namespace lanewise::converters
