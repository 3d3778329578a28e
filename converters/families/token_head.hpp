#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "converters/families/family.hpp"
#include "converters/families/late_interaction.hpp"
#include "converters/families/sentence_layers.hpp"
#include "converters/pack/tensor_parts.hpp"
#include "lanewise/status.hpp"
#include "runtime/graph/builder.hpp"

namespace lanewise::converters {

/// What becomes of the vectors of tokens by themselves: those of a late-interaction model
/// (ColBERT), or of the two layers that BGE-M3 has beside its sentence embedding.
struct TokenHead {
  std::vector<SentenceLayer> vectors;  ///< makes the output token_embeddings; empty: there is none
  std::optional<SentenceLayer> weights;  ///< makes the output token_weights
  std::optional<LateInteractionSettings> late;
  std::vector<std::string> unweighted;  ///< names of tokens without a weight
  TensorParts parts;                    ///< weights in separate files
  std::vector<ExpectedTensor> tensors;  ///< weights in the checkpoint itself
};

/// Reads a late-interaction model (is_late_interaction()).
///
/// outside   prefix of the names of tensors that belong to no encoder
/// features  of a token
/// Fails as read_late_interaction() and SentenceLayerReader::read() do.
Result<TokenHead> read_late_head(const FamilyInput& input, const std::string& outside,
                                 int64_t features, int64_t max_tokens);

/// Whether colbert_linear.pt or sparse_linear.pt are beside the encoder, as BGE-M3 has them.
bool has_token_linears(const FamilyInput& input);

/// Reads these files. Fails as ModuleWeights does.
Result<TokenHead> read_token_linears(const FamilyInput& input, int64_t features);

/// Appends the head and makes it outputs; adds its tensors to `expected`.
void append_token_head(graph::Builder& builder, graph::ValueId tokens, const TokenHead& head,
                       std::vector<ExpectedTensor>& expected);

/// Describes the head in `model`, which has its tokenizer. Of a late-interaction model sets the
/// task, limits and prompts too. Fails with kUnsupported for a marker that is no token.
Status describe_token_head(const FamilyInput& input, const TokenHead& head, FamilyModel& model);

}  // namespace lanewise::converters
