#pragma once

#include "converters/families/family.hpp"
#include "converters/families/sentence_transformers.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Reads what a folder of a SparseEncoder or CrossEncoder adds to a Transformer with a head: the
/// module SpladePooling, prompts, the activation of scores.
///
/// Fails with kUnsupported, naming it, for other modules, ways of pooling and activations.
Status read_sentence_task(const FamilyInput& input, TransformerTask task, ModelInfo& info);

}  // namespace lanewise::converters
