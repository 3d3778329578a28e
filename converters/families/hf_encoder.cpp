#include "converters/families/hf_encoder.hpp"

#include <array>
#include <utility>

#include "base/status_macros.hpp"
#include "converters/families/encoder_end.hpp"
#include "converters/families/hf_names.hpp"
#include "converters/families/hf_tokenizer.hpp"

namespace lanewise::converters {
namespace {

constexpr std::array kHeadTensors = std::to_array<std::string_view>(
    {"classifier.", "cls.", "decoder.", "discriminator_predictions.", "generator_lm_head.",
     "generator_predictions.", "head.", "lm_head.", "lm_predictions.", "pre_classifier.",
     "predictions.", "qa_outputs.", "score.", "sop_classifier.", "vocab_layer_norm.",
     "vocab_projector.", "vocab_transform."});

std::string table_of(const EncoderWriter& writer, const EncoderInfo& encoder) {
  return writer.prefix() + encoder.words + ".weight";
}

/// The family's classes by their full names.
Result<EncoderEnd> read_end(const FamilyInput& input, const EncoderSizes& sizes,
                            const EncoderWriter& writer, const EncoderInfo& encoder) {
  const std::string name = std::string(encoder.classes) + "Model";
  const std::array<std::string_view, 1> without = {name};
  FamilyHeads heads{.classes = encoder.heads,
                    .others = {without, kHeadTensors},
                    .outside = outside_of_model(writer.prefix(), encoder.attribute),
                    .table = table_of(writer, encoder),
                    .vocabulary = sizes.vocabulary};
  for (HeadClass& head : heads.classes) head.architecture.insert(0, encoder.classes);
  return read_encoder_end(input, heads, sizes.hidden, encoder.max_tokens, writer.states().size());
}

EncoderVectors vectors_of(EncoderWriter& writer, const EncoderInfo& encoder, const EncoderEnd& end,
                          graph::ValueId tokens) {
  EncoderVectors vectors{.tokens = tokens, .states = writer.states()};
  if (encoder.pooler.empty()) return vectors;
  const std::string weight = writer.prefix() + encoder.pooler + ".weight";
  if (end.reads_pooler() || writer.tensors().find(weight) != nullptr) {
    vectors.pooler = writer.pooler(encoder.pooler, tokens);
  }
  return vectors;
}

void set_leftovers(const EncoderSizes& sizes, const std::string& prefix, FamilyModel& model) {
  const std::string embeddings = prefix + "embeddings.";
  model.leftovers = {embeddings + "position_ids", embeddings + "token_type_ids"};
  if (sizes.token_types == 0) {
    model.leftovers.push_back(embeddings + "token_type_embeddings.weight");
  }
}

}  // namespace

HeadClass text_head(HeadInput input, std::vector<HeadLayer> layers, std::string output) {
  return {.architecture = "ForSequenceClassification",
          .task = HeadTask::kTextClassification,
          .input = input,
          .output = std::move(output),
          .layers = std::move(layers)};
}

HeadClass token_head(std::vector<HeadLayer> layers) {
  return {.architecture = "ForTokenClassification",
          .task = HeadTask::kTokenClassification,
          .input = HeadInput::kTokens,
          .output = "classifier",
          .layers = std::move(layers)};
}

HeadClass question_head(std::vector<HeadLayer> layers, std::string output) {
  return {.architecture = "ForQuestionAnswering",
          .task = HeadTask::kQuestionAnswering,
          .input = HeadInput::kTokens,
          .output = std::move(output),
          .layers = std::move(layers)};
}

HeadClass mask_head(HeadLayer transform, std::string output, std::vector<std::string> biases) {
  return {.architecture = "ForMaskedLM",
          .task = HeadTask::kMaskedTokens,
          .input = HeadInput::kTokens,
          .output = std::move(output),
          .layers = {std::move(transform)},
          .biases = std::move(biases)};
}

HeadClass two_layer_text_head(std::string activation) {
  return text_head(HeadInput::kFirstToken,
                   {{.dense = "classifier.dense", .activation = std::move(activation)}},
                   "classifier.out_proj");
}

HeadClass lm_head(double eps, std::string norm) {
  return mask_head(
      {.dense = "lm_head.dense", .activation = "gelu", .norm = std::move(norm), .eps = eps},
      "lm_head.decoder", {"lm_head.bias", "lm_head.decoder.bias"});
}

HeadClass predictions_head(const EncoderSizes& sizes, int64_t features, const std::string& norm) {
  const std::string predictions = "cls.predictions.";
  return mask_head({.dense = predictions + "transform.dense",
                    .activation = sizes.activation,
                    .norm = predictions + "transform." + norm,
                    .eps = sizes.eps,
                    .features = features},
                   predictions + "decoder", {predictions + "bias", predictions + "decoder.bias"});
}

Result<FamilyModel> finish_encoder(const FamilyInput& input, const EncoderSizes& sizes,
                                   EncoderWriter& writer, graph::ValueId x,
                                   const EncoderInfo& encoder) {
  LW_ASSIGN_OR_RETURN(const EncoderEnd end, read_end(input, sizes, writer, encoder));
  graph::Builder& builder = writer.builder();
  builder.output("last_hidden_state", x);
  const EncoderVectors vectors = vectors_of(writer, encoder, end, x);
  FamilyModel model;
  std::vector<ExpectedTensor> of_head;
  append_encoder_end(builder, end, vectors, input.checkpoint, of_head);
  model.graph = std::move(builder).take();
  set_leftovers(sizes, writer.prefix(), model);
  std::move(writer.tensors()).move_into(model);
  model.tensors.insert(model.tensors.end(), of_head.begin(), of_head.end());
  model.info.family = encoder.family;
  model.info.vocabulary_size = sizes.vocabulary;
  model.info.token_types = sizes.token_types;
  model.info.max_tokens = encoder.max_tokens;
  LW_RETURN_IF_ERROR(read_hf_tokenizers(input, encoder.model_type, model));
  LW_RETURN_IF_ERROR(describe_encoder_end(input, end, model));
  return model;
}

}  // namespace lanewise::converters
