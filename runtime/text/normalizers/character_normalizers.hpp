#pragma once

#include "runtime/text/normalizers/normalizer.hpp"

namespace lanewise::text {

/// Lowercases each code point regardless of its neighbours.
Result<NormalizerPtr> read_lowercase(const base::JsonFields& fields);
/// Strips white space from the ends.
Result<NormalizerPtr> read_strip(const base::JsonFields& fields);
/// Drops marks.
Result<NormalizerPtr> read_strip_accents(const base::JsonFields& fields);
/// Drops control characters and turns space-like characters into spaces.
Result<NormalizerPtr> read_nmt(const base::JsonFields& fields);
/// Prepends a string to a text that is not empty.
Result<NormalizerPtr> read_prepend(const base::JsonFields& fields);
/// Replaces what matches a pattern.
Result<NormalizerPtr> read_replace(const base::JsonFields& fields);
/// Maps each byte to its printable character.
Result<NormalizerPtr> read_byte_level_normalizer(const base::JsonFields& fields);

}  // namespace lanewise::text
