#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "converters/families/family.hpp"
#include "converters/families/sentence_transformers.hpp"
#include "converters/pack/tensor_parts.hpp"
#include "lanewise/status.hpp"
#include "runtime/graph/builder.hpp"

/// Modules of sentence-transformers that change vectors one by one: those of texts or of tokens.
namespace lanewise::converters {

/// A module as written to a graph.
struct SentenceLayer {
  enum class Kind { kDense, kLayerNorm, kNormalize };

  Kind kind = Kind::kNormalize;
  int64_t features = 0;         ///< Dense: of its output
  graph::Affine tensors;        ///< names of parts
  std::string activation;       ///< Dense: name of the operator; empty: none
  bool residual = false;        ///< Dense: adds its input to its output,
  std::string residual_weight;  ///< multiplied by this weight if not empty
};

/// kInvalidArgument unless an optional field about the preceding module's features has that value.
Status expect_width(const Config& config, const std::string& field, int64_t features);

/// Reads modules, in order.
class SentenceLayerReader {
 public:
  /// `vectors` is what modules call them: sentence_embedding, token_embeddings. Weights are added
  /// to `parts`. References must outlive it.
  SentenceLayerReader(const FamilyInput& input, std::string vectors, int64_t features,
                      TensorParts& parts)
      : input_(input), vectors_(std::move(vectors)), features_(features), parts_(parts) {}

  /// Adds Dense, LayerNorm and Normalize to `layers`; leaves out Dropout. Returns false for any
  /// other module. Fails with kUnsupported, naming it, for an unsupported activation or field; with
  /// kInvalidArgument or kNotFound if a config or a tensor does not match.
  Result<bool> read(const SentenceModule& module, std::vector<SentenceLayer>& layers);

  /// Of the vectors after the modules that were read.
  int64_t features() const { return features_; }
  void set_features(int64_t features) { features_ = features; }

 private:
  Result<Config> config_of(const SentenceModule& module) const;
  Status check_names(const Config& config) const;
  Result<SentenceLayer> dense(const SentenceModule& module);
  Result<SentenceLayer> layer_norm(const SentenceModule& module);
  Result<SentenceLayer> normalize(const SentenceModule& module);

  const FamilyInput& input_;
  std::string vectors_;
  int64_t features_;
  TensorParts& parts_;
};

/// Appends `layers`, whose nodes are called after `prefix`.
graph::ValueId append_sentence_layers(graph::Builder& builder, const std::string& prefix,
                                      graph::ValueId x, const std::vector<SentenceLayer>& layers);

}  // namespace lanewise::converters
