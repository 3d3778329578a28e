#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "converters/families/encoder_writer.hpp"
#include "converters/families/family.hpp"
#include "converters/families/task_head.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// What distinguishes an encoder of Transformers, besides its graph.
struct EncoderInfo {
  std::string_view family;
  std::string_view model_type;  ///< for its tokenizer
  std::string_view classes;     ///< begins the names of its classes: "Roberta" of RobertaModel
  std::string_view attribute;   ///< of the model within a class with a head: "roberta."
  int64_t max_tokens = 0;
  std::string words = "embeddings.word_embeddings";  ///< the embedding, after the prefix
  std::string pooler{};                              ///< the dense layer of a pooler; empty: none
  /// `architecture` is without the beginning in `classes`.
  std::vector<HeadClass> heads{};
};

// The heads that most families have, with the names of tensors that most of them use.
HeadClass text_head(HeadInput input, std::vector<HeadLayer> layers = {},
                    std::string output = "classifier");
HeadClass token_head(std::vector<HeadLayer> layers = {});
HeadClass question_head(std::vector<HeadLayer> layers = {}, std::string output = "qa_outputs");
HeadClass mask_head(HeadLayer transform, std::string output, std::vector<std::string> biases);

/// RoBERTa's head for texts, on the first token: classifier.dense, classifier.out_proj.
HeadClass two_layer_text_head(std::string activation);
/// RoBERTa's and MPNet's head for masked tokens: lm_head.
HeadClass lm_head(double eps, std::string norm = "lm_head.layer_norm");
/// BERT's: cls.predictions, to whose norm `norm` belongs. `features` is the embedding's width.
HeadClass predictions_head(const EncoderSizes& sizes, int64_t features,
                           const std::string& norm = "LayerNorm");

/// Completes an encoder: outputs `x`, the vectors of tokens, as `last_hidden_state`; appends the
/// head of its class, or what sentence-transformers makes of the vectors; takes the graph and its
/// tensors; sets the info and the tokenizer. Fails as read_encoder_end() and read_hf_tokenizers()
/// do.
Result<FamilyModel> finish_encoder(const FamilyInput& input, const EncoderSizes& sizes,
                                   EncoderWriter& writer, graph::ValueId x,
                                   const EncoderInfo& encoder);

}  // namespace lanewise::converters
