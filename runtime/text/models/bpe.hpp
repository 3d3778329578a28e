#pragma once

#include "base/json_fields.hpp"
#include "runtime/text/models/subword_model.hpp"

namespace lanewise::text {

/// Byte-pair encoding as Hugging Face's BPE: the model of a tokenizer.json of this type. A word of
/// n characters takes n log n, whatever it is.
///
/// kDataLoss if a merge has no token; kUnsupported with dropout.
Result<SubwordModelPtr> read_bpe_model(const base::JsonFields& model);

}  // namespace lanewise::text
