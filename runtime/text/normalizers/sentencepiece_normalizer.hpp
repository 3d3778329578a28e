#pragma once

#include "runtime/text/normalizers/normalizer.hpp"

namespace lanewise::text {

/// Normalises exactly as SentencePiece does: replaces by the longest rule, removes extra spaces,
/// adds a space at the start or the end, writes spaces as U+2581. Our own type: {"type":
/// "SentencePiece", "precompiled_charsmap": base64, "add_dummy_prefix", "remove_extra_whitespaces",
/// "escape_whitespaces" (all true), "treat_whitespace_as_suffix" (false), "user_defined_symbols":
/// strings that no rule changes}.
Result<NormalizerPtr> read_sentencepiece_normalizer(const base::JsonFields& fields);

}  // namespace lanewise::text
