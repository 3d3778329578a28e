#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "converters/families/encoder_vectors.hpp"
#include "converters/families/family.hpp"
#include "converters/families/sentence_layers.hpp"
#include "converters/families/weighted_layers.hpp"
#include "converters/pack/tensor_parts.hpp"
#include "lanewise/status.hpp"
#include "runtime/graph/builder.hpp"

namespace lanewise::converters {

/// How the vectors of tokens become the vector of a text.
struct SentenceHead {
  std::vector<std::string>
      pools;              ///< kinds of the operator pool, joined; empty: no sentence vector
  WeightedLayers states;  ///< what is pooled, instead of the vectors of tokens
  std::vector<SentenceLayer> token_layers;  ///< of the vectors of tokens, before they are pooled
  bool include_prompt = true;               ///< whether the tokens of a prompt are pooled too
  std::vector<SentenceLayer> layers;
  TensorParts parts;  ///< weights of the layers, which are in separate files
};

/// Reads modules.json and the modules' configs and weights. Without modules.json, the head is the
/// mean, as in sentence-transformers, and the report says so.
///
/// features  of a token
/// states    how many EncoderVectors::states there will be
/// Fails with kUnsupported, naming it, for an unsupported module, pooling mode, activation or
/// field; with kInvalidArgument or kNotFound if a config or a tensor does not match.
Result<SentenceHead> read_sentence_head(const FamilyInput& input, int64_t features,
                                        size_t states = 0);

/// Reads how a folder treats the texts of an encoder with `head`: task, limits, prompts and lower
/// case. Requires model.info.max_tokens. Fails as read_sentence_texts() and read_prompts() do.
Status describe_encoder(const FamilyInput& input, const SentenceHead& head, FamilyModel& model);

/// Appends `head` and makes it the output `sentence_embedding`; what its token_layers give is
/// `token_embeddings`.
void append_sentence_head(graph::Builder& builder, const EncoderVectors& vectors,
                          const SentenceHead& head);

}  // namespace lanewise::converters
