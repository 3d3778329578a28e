#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "converters/families/family.hpp"
#include "converters/pack/tensor_parts.hpp"
#include "lanewise/status.hpp"
#include "runtime/graph/builder.hpp"

namespace lanewise::converters {

/// A module behind the pooling, as a graph writes it.
struct SentenceLayer {
  enum class Kind { kDense, kLayerNorm, kNormalize };

  Kind kind = Kind::kNormalize;
  int64_t features = 0;         ///< Dense: of its output
  graph::Affine tensors;        ///< names in SentenceHead::parts
  std::string activation;       ///< Dense: of the operator; empty: none
  bool residual = false;        ///< Dense: its input is added to its output,
  std::string residual_weight;  ///< multiplied by this where it is not empty
};

/// How token vectors become the vector of a text.
struct SentenceHead {
  std::vector<std::string>
      pools;                   ///< kinds of the operator pool, joined; empty: no sentence vector
  bool include_prompt = true;  ///< whether the tokens of a prompt are pooled too
  std::vector<SentenceLayer> layers;
  TensorParts parts;  ///< weights of the layers, which stand in files of their own
};

/// Reads modules.json, the modules' configs and weights. Without modules.json it is the mean, as
/// sentence-transformers itself does, and the report says so.
///
/// features  of a token
/// Fails with kUnsupported, naming it, for a module, pooling mode, activation or field of theirs
/// that we lack; with kInvalidArgument or kNotFound where a config, or a tensor, does not fit.
Result<SentenceHead> read_sentence_head(const FamilyInput& input, int64_t features);

/// What a folder says of the texts of an encoder with `head`: task, limits, prompts and lower case.
/// `model.info.max_tokens` is set. Fails as read_sentence_texts() and read_prompts().
Status describe_encoder(const FamilyInput& input, const SentenceHead& head, FamilyModel& model);

/// Appends `head` and makes it the output `sentence_embedding`.
void append_sentence_head(graph::Builder& builder, graph::ValueId tokens, const SentenceHead& head);

}  // namespace lanewise::converters
