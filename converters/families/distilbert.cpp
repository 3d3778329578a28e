// DistilBERT: Sanh et al. 2019, arXiv:1910.01108. BERT's layers under other names, without token
// types. Names and defaults as in Transformers' modeling_distilbert and configuration_distilbert.

#include <array>
#include <utility>

#include "base/status_macros.hpp"
#include "converters/families/encoder_config.hpp"
#include "converters/families/encoder_writer.hpp"
#include "converters/families/family.hpp"
#include "converters/families/hf_encoder.hpp"
#include "converters/families/hf_names.hpp"

namespace lanewise::converters {
namespace {

using graph::ValueId;

constexpr std::string_view kDistilBertAnchor = "embeddings.word_embeddings.weight";
// With sinusoidal_pos_embds the table is computed, but stored in the checkpoint too.
constexpr std::array kDistilBertFields = std::to_array<std::string_view>(
    {"activation", "dim", "hidden_dim", "n_heads", "n_layers", "qa_dropout", "seq_classif_dropout",
     "sinusoidal_pos_embds", "tie_weights_"});

PostNormModules distilbert_modules(const std::string& name) {
  const std::string self = name + ".attention";
  return {.attention = AttentionModules{self, self + ".q_lin", self + ".k_lin", self + ".v_lin"},
          .attention_output = self + ".out_lin",
          .attention_norm = name + ".sa_layer_norm",
          .up = name + ".ffn.lin1",
          .down = name + ".ffn.lin2",
          .norm = name + ".output_layer_norm"};
}

ValueId write_distilbert(EncoderWriter& writer, const EncoderSizes& c) {
  ValueId x = writer.embed({.words = "embeddings.word_embeddings",
                            .positions = "embeddings.position_embeddings",
                            .types = "",
                            .features = c.hidden});
  x = writer.norm("embeddings.LayerNorm", x);
  writer.add_state(x);
  for (size_t i = 0; i < c.layer_heads.size(); ++i) {
    x = writer.post_norm_layer(distilbert_modules("transformer.layer." + std::to_string(i)), x,
                               {.heads = c.layer_heads[i]});
    writer.add_state(x);
  }
  return x;
}

std::vector<HeadClass> distilbert_heads(const EncoderSizes& c) {
  const HeadLayer transform = {.dense = "vocab_transform",
                               .activation = c.activation,
                               .norm = "vocab_layer_norm",
                               .eps = c.eps};
  return {text_head(HeadInput::kFirstToken, {{.dense = "pre_classifier", .activation = "relu"}}),
          token_head(), question_head(),
          mask_head(transform, "vocab_projector", {"vocab_projector.bias"})};
}

Result<FamilyModel> build_distilbert(const FamilyInput& input) {
  EncoderSizes defaults;
  defaults.layers = 6;
  defaults.token_types = 0;
  const EncoderFields fields = {.hidden = "dim",
                                .layers = "n_layers",
                                .heads = "n_heads",
                                .intermediate = "hidden_dim",
                                .token_types = nullptr,
                                .eps = nullptr,  // fixed in the class
                                .activation = "activation"};
  LW_RETURN_IF_ERROR(check_is_encoder(input.config, "distilbert"));
  LW_ASSIGN_OR_RETURN(const EncoderSizes c, read_encoder_sizes(input.config, defaults, fields));
  LW_ASSIGN_OR_RETURN(std::string prefix,
                      find_prefix(input.checkpoint, kDistilBertAnchor, "distilbert."));
  LW_ASSIGN_OR_RETURN(ModuleTensors tensors, ModuleTensors::create(input.config, input.checkpoint));
  report_unknown_encoder_fields(input, kDistilBertFields);
  EncoderWriter writer(c, std::move(prefix), tensors);
  return finish_encoder(input, c, writer, write_distilbert(writer, c),
                        {.family = "distilbert",
                         .model_type = "distilbert",
                         .classes = "DistilBert",
                         .attribute = "distilbert.",
                         .max_tokens = c.positions,
                         .heads = distilbert_heads(c)});
}

}  // namespace

const Family& distilbert_family() {
  static constexpr ModelType kModelTypes[] = {{"distilbert", "DistilBertTokenizer", "distilbert."}};
  static const Family family = {"distilbert", kModelTypes, build_distilbert,
                                /*has_encoder_form=*/true};
  return family;
}

}  // namespace lanewise::converters
