#pragma once

#include <nlohmann/json_fwd.hpp>

#include "converters/tokenizers/companions.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Who gives added tokens their ids: tokenizers counts on from the vocabulary whatever the files
/// say, Transformers' Python classes (Marian's, M2M100's) take the ids that are written there.
enum class AddedIds { kCounted, kWritten };

/// A tokenizer.json, or one of our own making, with what stands beside it, as Transformers reads
/// the two together: the settings that the class lays over the file's, the added tokens, and which
/// of them are special.
///
/// Two things differ from Transformers. A special token that only the class names, and no file,
/// does not make the vocabulary grow, since the model has no row for it. A BERT whose normalizer
/// is not BERT's keeps it: Transformers 5 puts its own there, Transformers 4 does not.
/// kDataLoss if a part of the file has another type than it should.
Status apply_companions(const Companions& companions, AddedIds ids, nlohmann::json* tokenizer_json);

}  // namespace lanewise::converters
