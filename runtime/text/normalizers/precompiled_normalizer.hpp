#pragma once

#include "runtime/text/normalizers/normalizer.hpp"

namespace lanewise::text {

/// A SentencePiece replacement table applied as Hugging Face does: a grapheme cluster of under six
/// bytes by the shortest rule that it begins with, otherwise each of its code points. (Our type
/// SentencePiece does what SentencePiece itself does: the longest rule, without graphemes.)
Result<NormalizerPtr> read_precompiled(const base::JsonFields& fields);

}  // namespace lanewise::text
