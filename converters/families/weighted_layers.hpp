#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "converters/families/family.hpp"
#include "converters/families/sentence_transformers.hpp"
#include "converters/pack/tensor_parts.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// WeightedLayerPooling of sentence-transformers: vectors of tokens are a mean of hidden states.
struct WeightedLayers {
  /// Names a part with a weight for each state from `first` on; they add up to 1. Empty: the
  /// vectors of tokens remain the last layer's.
  std::string weights;
  size_t first = 0;
};

/// Reads the module. As in sentence-transformers, it has no effect, which is reported, unless the
/// model returns hidden states (`output_hidden_states` of config.json or of the arguments in
/// sentence_bert_config.json).
///
/// features  of a token
/// states    how many EncoderVectors::states there will be; 0: the family does not give them
/// Fails with kUnsupported for such a family, and for an unknown field, naming it; with
/// kInvalidArgument or kNotFound if config or tensor do not match.
Result<WeightedLayers> read_weighted_layers(const FamilyInput& input, const SentenceModule& module,
                                            int64_t features, size_t states, TensorParts& parts);

}  // namespace lanewise::converters
