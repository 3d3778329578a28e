#pragma once

#include "runtime/text/normalizers/normalizer.hpp"

namespace lanewise::text {

/// Hugging Face's reading of a SentencePiece table of replacements: a whole grapheme cluster of
/// under six bytes by the shortest rule that it begins with, else each of its code points. (What
/// SentencePiece itself does is SentencePiece in our files: the longest rule, and no graphemes.)
Result<NormalizerPtr> read_precompiled(const base::JsonFields& fields);

}  // namespace lanewise::text
