#pragma once

#include "runtime/text/normalizers/normalizer.hpp"

namespace lanewise::text {

/// NFC, NFD, NFKC or NFKD, by the `type` of `fields`; of Unicode 9, as in Hugging Face.
Result<NormalizerPtr> read_unicode_normalizer(const base::JsonFields& fields);

}  // namespace lanewise::text
