#pragma once

#include "runtime/text/normalizers/normalizer.hpp"

namespace lanewise::text {

/// NFC, NFD, NFKC or NFKD, by the `type` of `fields`; of Unicode 9, as Hugging Face has them.
Result<NormalizerPtr> read_unicode_normalizer(const base::JsonFields& fields);

}  // namespace lanewise::text
