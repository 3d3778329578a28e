#pragma once

#include "runtime/text/normalizers/normalizer.hpp"

namespace lanewise::text {

/// Every code point in lowercase, without regard to its neighbours.
Result<NormalizerPtr> read_lowercase(const base::JsonFields& fields);
/// Takes white space off the ends.
Result<NormalizerPtr> read_strip(const base::JsonFields& fields);
/// Drops marks.
Result<NormalizerPtr> read_strip_accents(const base::JsonFields& fields);
/// Drops control characters and makes a space of what looks like one.
Result<NormalizerPtr> read_nmt(const base::JsonFields& fields);
/// Puts a string before a text that is not empty.
Result<NormalizerPtr> read_prepend(const base::JsonFields& fields);
/// Puts a string in the place of what matches a pattern.
Result<NormalizerPtr> read_replace(const base::JsonFields& fields);
/// A printable character for each byte.
Result<NormalizerPtr> read_byte_level_normalizer(const base::JsonFields& fields);

}  // namespace lanewise::text
