#pragma once

#include <string>
#include <string_view>

#include "converters/tokenizers/companions.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// What runs a tokenizer in Transformers: the library tokenizers, or Python code (for Marian,
/// M2M100 and ByT5), where only tokens named by a setting or the class are special.
enum class Backend { kTokenizers, kPython };

/// Combines a tokenizer.json, or our own equivalent, with its companion files as Transformers does:
/// settings of the class that override the file, added tokens, and which of them are special.
///
/// Added tokens of a tokenizer.json are numbered after the vocabulary, whatever the files say, as
/// tokenizers does; those of SentencePiece models and Python classes keep their written ids.
///
/// Two things differ from Transformers. A special token that only the class names, but no file,
/// does not extend the vocabulary, since the model has no row for it. A BERT with another
/// normalizer than BERT's keeps it, as in Transformers 4; Transformers 5 replaces it. kDataLoss if
/// a part of the file has a wrong type.
Result<std::string> apply_companions(const Companions& companions, Backend backend,
                                     std::string_view tokenizer_json);

}  // namespace lanewise::converters
