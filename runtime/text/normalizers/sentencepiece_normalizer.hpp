#pragma once

#include "runtime/text/normalizers/normalizer.hpp"

namespace lanewise::text {

/// What a SentencePiece model does to a text, exactly: replacements by the longest rule, spaces
/// that are superfluous dropped, a space put at the beginning or the end, spaces as U+2581. A type
/// of our own: {"type": "SentencePiece", "precompiled_charsmap": base64, "add_dummy_prefix",
/// "remove_extra_whitespaces", "escape_whitespaces" (all true), "treat_whitespace_as_suffix"
/// (false), "user_defined_symbols": strings that no rule touches}.
Result<NormalizerPtr> read_sentencepiece_normalizer(const base::JsonFields& fields);

}  // namespace lanewise::text
