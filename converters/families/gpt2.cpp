// GPT-2: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners". Names and
// defaults as in Transformers' modeling_gpt2 and configuration_gpt2.

#include <array>
#include <cmath>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/families/activation_names.hpp"
#include "converters/families/config_limits.hpp"
#include "converters/families/decoder_writer.hpp"
#include "converters/families/family.hpp"
#include "converters/families/hf_config.hpp"
#include "converters/families/hf_decoder.hpp"
#include "converters/families/hf_names.hpp"
#include "converters/families/module_tensors.hpp"
#include "runtime/graph/builder.hpp"

namespace lanewise::converters {
namespace {

using graph::ValueId;

constexpr int64_t kGpt2MaxPositions = 1 << 20;
constexpr DefaultTokens kGpt2Tokens{.bos = 50256, .eos = 50256};
constexpr std::string_view kGpt2Anchor = "h.0.attn.c_proj.weight";

constexpr std::array kGpt2Fields =
    std::to_array<std::string_view>({"activation_function",
                                     "add_cross_attention",
                                     "attn_pdrop",
                                     "embd_pdrop",
                                     "hidden_size",
                                     "initializer_range",
                                     "layer_norm_epsilon",
                                     "max_position_embeddings",
                                     "n_ctx",
                                     "n_embd",
                                     "n_head",
                                     "n_inner",
                                     "n_layer",
                                     "n_positions",
                                     "num_attention_heads",
                                     "num_hidden_layers",
                                     "reorder_and_upcast_attn",
                                     "resid_pdrop",
                                     "scale_attn_by_inverse_layer_idx",
                                     "scale_attn_weights",
                                     "summary_activation",
                                     "summary_first_dropout",
                                     "summary_proj_to_labels",
                                     "summary_type",
                                     "summary_use_proj",
                                     "tie_word_embeddings",
                                     "vocab_size"});

struct Gpt2Config {
  DecoderSizes sizes;
  int64_t hidden = 0;
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t positions = 0;
  std::string activation;
  bool scale_scores = true;            ///< by 1 / sqrt(head_dim)
  bool scale_scores_by_layer = false;  ///< also by 1 / (layer + 1)
  bool tied_head = true;
};

Status read_gpt2_sizes(const Config& config, Gpt2Config& c) {
  LW_ASSIGN_OR_RETURN(c.sizes.vocabulary, config.integer("vocab_size", 50257, 1, kMaxRows));
  LW_ASSIGN_OR_RETURN(c.sizes.width,
                      integer_or_alias(config, "n_embd", "hidden_size", 768, 1, kMaxFeatures));
  LW_ASSIGN_OR_RETURN(c.layers,
                      integer_or_alias(config, "n_layer", "num_hidden_layers", 12, 1, kMaxLayers));
  LW_ASSIGN_OR_RETURN(
      c.heads, integer_or_alias(config, "n_head", "num_attention_heads", 12, 1, kMaxFeatures));
  LW_ASSIGN_OR_RETURN(c.positions,
                      integer_or_alias(config, "n_positions", "max_position_embeddings", 1024, 1,
                                       kGpt2MaxPositions));
  LW_ASSIGN_OR_RETURN(c.hidden, config.integer("n_inner", 4 * c.sizes.width, 1, kMaxFeatures));
  if (c.sizes.width % c.heads == 0) return {};
  return config.wrong("n_head", "a divisor of n_embd = " + std::to_string(c.sizes.width));
}

/// Fields that are absent have the values that Transformers gives them.
Result<Gpt2Config> read_gpt2_config(const FamilyInput& input) {
  const Config& config = input.config;
  static constexpr FixedField kFixed[] = {{"add_cross_attention", false}};
  LW_RETURN_IF_ERROR(check_fixed(config, kFixed));
  Gpt2Config c;
  LW_RETURN_IF_ERROR(read_gpt2_sizes(config, c));
  LW_ASSIGN_OR_RETURN(c.sizes.eps, config.number("layer_norm_epsilon", 1e-5, 0, 1));
  LW_ASSIGN_OR_RETURN(c.activation, activation_name(config, "activation_function", "gelu_new"));
  LW_ASSIGN_OR_RETURN(c.scale_scores, config.boolean("scale_attn_weights", true));
  LW_ASSIGN_OR_RETURN(c.scale_scores_by_layer,
                      config.boolean("scale_attn_by_inverse_layer_idx", false));
  LW_ASSIGN_OR_RETURN(c.tied_head, config.boolean("tie_word_embeddings", true));
  report_unknown_hf_fields(input, kGpt2Fields);
  return c;
}

class Gpt2Writer {
 public:
  Gpt2Writer(const Gpt2Config& config, DecoderWriter& parts) : c_(config), parts_(parts) {}

  /// The vectors of the tokens behind the last norm.
  ValueId write() {
    ValueId x = embed();
    for (int64_t i = 0; i < c_.layers; ++i) x = layer("h." + std::to_string(i), x, i);
    return parts_.norm("ln_f", x);
  }

 private:
  ValueId embed() {
    graph::EmbedSpec spec;
    spec.position_table =
        parts_.tensors().expect(parts_.prefix() + "wpe.weight", {c_.positions, c_.sizes.width});
    spec.attributes = {{"position", std::string("learned")}, {"max_positions", c_.positions}};
    return parts_.embed("wte", parts_.ids(), std::move(spec));
  }

  ValueId layer(const std::string& name, ValueId x, int64_t number) {
    ValueId y = attention(name + ".attn", parts_.norm(name + ".ln_1", x), number);
    x = parts_.builder().add(name + ".attn.add", y, x);
    y = conv1d(name + ".mlp.c_fc", parts_.norm(name + ".ln_2", x), c_.hidden);
    y = parts_.builder().activation(name + ".mlp.act", y, c_.activation);
    y = conv1d(name + ".mlp.c_proj", y, c_.sizes.width);
    return parts_.builder().add(name + ".mlp.add", y, x);
  }

  ValueId attention(const std::string& name, ValueId x, int64_t layer) {
    const int64_t head_dim = c_.sizes.width / c_.heads;
    double scale = c_.scale_scores ? 1 / std::sqrt(static_cast<double>(head_dim)) : 1;
    if (c_.scale_scores_by_layer) scale /= static_cast<double>(layer + 1);
    const ValueId qkv = conv1d(name + ".c_attn", x, 3 * c_.sizes.width);
    const ValueId context = parts_.builder().attention(name, qkv,
                                                       {.heads = c_.heads,
                                                        .kv_heads = c_.heads,
                                                        .head_dim = head_dim,
                                                        .causal = true,
                                                        .scale = scale});
    return conv1d(name + ".c_proj", context, c_.sizes.width);
  }

  /// A linear whose weight is stored as [in, out].
  ValueId conv1d(const std::string& name, ValueId x, int64_t out_features) {
    const Shape stored = {parts_.builder().value(x).features, out_features};
    const std::string tensor = parts_.prefix() + name;
    return parts_.builder().linear(name, x, out_features,
                                   {parts_.tensors().expect_transposed(tensor + ".weight", stored),
                                    parts_.tensors().expect(tensor + ".bias", {out_features})});
  }

  const Gpt2Config& c_;
  DecoderWriter& parts_;
};

Result<FamilyModel> build_gpt2(const FamilyInput& input) {
  LW_ASSIGN_OR_RETURN(const Gpt2Config config, read_gpt2_config(input));
  LW_ASSIGN_OR_RETURN(const std::string prefix,
                      find_prefix(input.checkpoint, kGpt2Anchor, "transformer."));
  const std::string outside = outside_of_model(prefix, "transformer.");
  LW_ASSIGN_OR_RETURN(const DecoderForm form, decoder_form(input, "GPT2", outside));
  FamilyModel model;
  // Masks.
  model.leftovers = layer_leftovers(prefix + "h", config.layers, {"attn.bias", "attn.masked_bias"});
  LW_ASSIGN_OR_RETURN(
      DecoderTables tables,
      find_decoder_tables(input, form, config.tied_head,
                          {prefix + "wte.weight", outside + "lm_head.weight"}, model.leftovers));
  LW_ASSIGN_OR_RETURN(ModuleTensors tensors, ModuleTensors::create(input.config, input.checkpoint));
  DecoderWriter parts(config.sizes, std::move(tables), prefix, tensors);
  const ValueId x = Gpt2Writer(config, parts).write();
  if (form == DecoderForm::kLogits) parts.logits("lm_head", x);
  LW_RETURN_IF_ERROR(finish_decoder(input, form, parts.builder(), x,
                                    {.model_type = "gpt2",
                                     .vocabulary = config.sizes.vocabulary,
                                     .max_tokens = config.positions,
                                     .tokens = kGpt2Tokens},
                                    model));
  std::move(tensors).move_into(model);
  return model;
}

}  // namespace

const Family& gpt2_family() {
  static constexpr ModelType kModelTypes[] = {{"gpt2", "GPT2Tokenizer", "transformer."}};
  static const Family family = {"gpt2", kModelTypes, build_gpt2, /*has_encoder_form=*/true};
  return family;
}

}  // namespace lanewise::converters
