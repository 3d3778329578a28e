#pragma once

#include "base/json_fields.hpp"
#include "runtime/text/models/subword_model.hpp"

namespace lanewise::text {

/// Byte-pair encoding as in Hugging Face: the model of type BPE in a tokenizer.json. A word of n
/// characters takes n log n in the worst case.
///
/// kDataLoss if a merge has no token; kUnsupported with dropout.
Result<SubwordModelPtr> read_bpe_model(const base::JsonFields& model);

}  // namespace lanewise::text
