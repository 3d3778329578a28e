// Phi-1, Phi-1.5 and Phi-2: Gunasekar et al. 2023, arXiv:2306.11644; Li et al. 2023,
// arXiv:2309.05463. Names and defaults as in Transformers' modeling_phi and configuration_phi.

#include <array>
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
#include "converters/families/rotary_config.hpp"
#include "runtime/graph/builder.hpp"

namespace lanewise::converters {
namespace {

using graph::ValueId;

constexpr int64_t kPhiMaxPositions = INT32_MAX / 4;
constexpr DefaultTokens kPhiTokens{.bos = 1, .eos = 2};
constexpr std::string_view kPhiAnchor = "layers.0.self_attn.dense.weight";

constexpr std::array kPhiFields = std::to_array<std::string_view>(
    {"attention_dropout", "embd_pdrop", "hidden_act", "hidden_size", "initializer_range",
     "intermediate_size", "layer_norm_eps", "max_position_embeddings", "num_attention_heads",
     "num_hidden_layers", "num_key_value_heads", "partial_rotary_factor", "qk_layernorm",
     "resid_pdrop", "rope_parameters", "rope_scaling", "rope_theta", "tie_word_embeddings",
     "vocab_size"});

struct PhiConfig {
  DecoderSizes sizes;
  int64_t hidden = 0;
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t positions = 0;
  std::string activation;
  RotaryFrequencies rotary;
  bool tied_head = false;
};

Status read_phi_heads(const Config& config, PhiConfig& c) {
  LW_ASSIGN_OR_RETURN(c.heads, config.integer("num_attention_heads", 32, 1, kMaxFeatures));
  LW_ASSIGN_OR_RETURN(c.kv_heads, config.integer("num_key_value_heads", c.heads, 1, kMaxFeatures));
  if (c.sizes.width % c.heads != 0) {
    return config.wrong("num_attention_heads",
                        "a divisor of hidden_size = " + std::to_string(c.sizes.width));
  }
  if (c.heads % c.kv_heads == 0) return {};
  return config.wrong("num_key_value_heads",
                      "a divisor of num_attention_heads = " + std::to_string(c.heads));
}

Status read_phi_sizes(const Config& config, PhiConfig& c) {
  LW_ASSIGN_OR_RETURN(c.sizes.vocabulary, config.integer("vocab_size", 51200, 1, kMaxRows));
  LW_ASSIGN_OR_RETURN(c.sizes.width, config.integer("hidden_size", 2048, 1, kMaxFeatures));
  LW_ASSIGN_OR_RETURN(c.hidden, config.integer("intermediate_size", 8192, 1, kMaxFeatures));
  LW_ASSIGN_OR_RETURN(c.layers, config.integer("num_hidden_layers", 24, 1, kMaxLayers));
  LW_ASSIGN_OR_RETURN(c.positions,
                      config.integer("max_position_embeddings", 2048, 1, kPhiMaxPositions));
  return read_phi_heads(config, c);
}

/// Fields that are absent have the values that Transformers gives them.
Result<PhiConfig> read_phi_config(const FamilyInput& input) {
  const Config& config = input.config;
  // Layer norms of heads, which no published model has.
  static constexpr FixedField kFixed[] = {{"qk_layernorm", false}};
  LW_RETURN_IF_ERROR(check_fixed(config, kFixed));
  PhiConfig c;
  LW_RETURN_IF_ERROR(read_phi_sizes(config, c));
  LW_ASSIGN_OR_RETURN(c.sizes.eps, config.number("layer_norm_eps", 1e-5, 0, 1));
  LW_ASSIGN_OR_RETURN(c.activation, activation_name(config, "hidden_act", "gelu_new"));
  LW_ASSIGN_OR_RETURN(c.tied_head, config.boolean("tie_word_embeddings", false));
  LW_ASSIGN_OR_RETURN(
      c.rotary, read_rotary(config, {.partial = 0.5}, {c.sizes.width / c.heads, c.positions}));
  report_unknown_hf_fields(input, kPhiFields);
  return c;
}

class PhiWriter {
 public:
  PhiWriter(const PhiConfig& config, DecoderWriter& parts)
      : c_(config), head_dim_(config.sizes.width / config.heads), parts_(parts) {}

  /// The vectors of the tokens behind the last norm.
  ValueId write() {
    const ValueId ids = parts_.ids();
    ValueId x = parts_.embed("embed_tokens", ids);
    angles_ = write_rotary_angles("rotary", ids, c_.rotary, parts_.builder(), parts_.tensors());
    for (int64_t i = 0; i < c_.layers; ++i) x = layer("layers." + std::to_string(i), x);
    return parts_.norm("final_layernorm", x);
  }

 private:
  /// Attention and the feed-forward layer read the same normalised x.
  ValueId layer(const std::string& name, ValueId x) {
    const ValueId normalized = parts_.norm(name + ".input_layernorm", x);
    const ValueId y = attention(name + ".self_attn", normalized);
    const ValueId sum = parts_.builder().add(name + ".self_attn.add", y, x);
    return parts_.builder().add(name + ".mlp.add", feed_forward(name + ".mlp", normalized), sum);
  }

  ValueId attention(const std::string& name, ValueId x) {
    const ValueId q = rotated(name + ".q_proj", x, c_.heads);
    const ValueId k = rotated(name + ".k_proj", x, c_.kv_heads);
    const ValueId v = parts_.linear(name + ".v_proj", x, c_.kv_heads * head_dim_);
    const ValueId context = parts_.builder().attention(
        name, q, k, v,
        {.heads = c_.heads, .kv_heads = c_.kv_heads, .head_dim = head_dim_, .causal = true});
    return parts_.linear(name + ".dense", context, c_.sizes.width);
  }

  ValueId rotated(const std::string& name, ValueId x, int64_t heads) {
    return parts_.builder().rotary(name + ".rotary", parts_.linear(name, x, heads * head_dim_),
                                   angles_, {heads, head_dim_});
  }

  ValueId feed_forward(const std::string& name, ValueId x) {
    x = parts_.linear(name + ".fc1", x, c_.hidden);
    x = parts_.builder().activation(name + ".act", x, c_.activation);
    return parts_.linear(name + ".fc2", x, c_.sizes.width);
  }

  const PhiConfig& c_;
  const int64_t head_dim_;
  DecoderWriter& parts_;
  ValueId angles_ = -1;
};

Result<FamilyModel> build_phi(const FamilyInput& input) {
  LW_ASSIGN_OR_RETURN(const PhiConfig config, read_phi_config(input));
  LW_ASSIGN_OR_RETURN(const std::string prefix,
                      find_prefix(input.checkpoint, kPhiAnchor, "model."));
  const std::string outside = outside_of_model(prefix);
  LW_ASSIGN_OR_RETURN(const DecoderForm form, decoder_form(input, "Phi", outside));
  const std::string head = outside + "lm_head.";
  FamilyModel model;
  model.leftovers = rotary_leftovers(prefix, config.layers, "self_attn");
  if (form != DecoderForm::kLogits) model.leftovers.push_back(head + "bias");
  LW_ASSIGN_OR_RETURN(
      DecoderTables tables,
      find_decoder_tables(input, form, config.tied_head,
                          {prefix + "embed_tokens.weight", head + "weight"}, model.leftovers));
  LW_ASSIGN_OR_RETURN(ModuleTensors tensors, ModuleTensors::create(input.config, input.checkpoint));
  DecoderWriter parts(config.sizes, std::move(tables), prefix, tensors);
  const ValueId x = PhiWriter(config, parts).write();
  if (form == DecoderForm::kLogits) parts.logits("lm_head", x, head + "bias");
  LW_RETURN_IF_ERROR(finish_decoder(input, form, parts.builder(), x,
                                    {.model_type = "phi",
                                     .vocabulary = config.sizes.vocabulary,
                                     .max_tokens = config.positions,
                                     .tokens = kPhiTokens},
                                    model));
  std::move(tensors).move_into(model);
  return model;
}

}  // namespace

const Family& phi_family() {
  static constexpr ModelType kModelTypes[] = {{"phi"}};
  static const Family family = {"phi", kModelTypes, build_phi, /*has_encoder_form=*/true};
  return family;
}

}  // namespace lanewise::converters
