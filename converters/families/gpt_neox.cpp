// GPT-NeoX and Pythia: Black et al. 2022, arXiv:2204.06745; Biderman et al. 2023, arXiv:2304.01373.
// Names and defaults as in Transformers' modeling_gpt_neox and configuration_gpt_neox.

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
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

constexpr int64_t kGptNeoxMaxPositions = INT32_MAX / 4;
constexpr DefaultTokens kGptNeoxTokens{.bos = 0, .eos = 2};
constexpr std::string_view kGptNeoxAnchor = "layers.0.attention.dense.weight";

constexpr std::array kGptNeoxFields = std::to_array<std::string_view>(
    {"attention_bias", "hidden_act", "hidden_dropout", "hidden_size", "initializer_range",
     "intermediate_size", "layer_norm_eps", "max_position_embeddings", "num_attention_heads",
     "num_hidden_layers", "partial_rotary_factor", "rope_parameters", "rope_scaling", "rope_theta",
     "rotary_emb_base", "rotary_pct", "tie_word_embeddings", "use_parallel_residual",
     "vocab_size"});

struct NeoxConfig {
  DecoderSizes sizes;
  int64_t hidden = 0;
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t positions = 0;
  std::string activation;
  RotaryFrequencies rotary;
  bool attention_bias = true;
  bool parallel = true;  ///< attention and the feed-forward layer read the same x
  bool tied_head = false;
};

Status read_gpt_neox_sizes(const Config& config, NeoxConfig& c) {
  LW_ASSIGN_OR_RETURN(c.sizes.vocabulary, config.integer("vocab_size", 50432, 1, kMaxRows));
  LW_ASSIGN_OR_RETURN(c.sizes.width, config.integer("hidden_size", 6144, 1, kMaxFeatures));
  LW_ASSIGN_OR_RETURN(c.hidden, config.integer("intermediate_size", 24576, 1, kMaxFeatures));
  LW_ASSIGN_OR_RETURN(c.layers, config.integer("num_hidden_layers", 44, 1, kMaxLayers));
  LW_ASSIGN_OR_RETURN(c.heads, config.integer("num_attention_heads", 64, 1, kMaxFeatures));
  LW_ASSIGN_OR_RETURN(c.positions,
                      config.integer("max_position_embeddings", 2048, 1, kGptNeoxMaxPositions));
  if (c.sizes.width % c.heads == 0) return {};
  return config.wrong("num_attention_heads",
                      "a divisor of hidden_size = " + std::to_string(c.sizes.width));
}

/// Fields that are absent have the values that Transformers gives them.
Result<NeoxConfig> read_gpt_neox_config(const FamilyInput& input) {
  const Config& config = input.config;
  NeoxConfig c;
  LW_RETURN_IF_ERROR(read_gpt_neox_sizes(config, c));
  LW_ASSIGN_OR_RETURN(c.sizes.eps, config.number("layer_norm_eps", 1e-5, 0, 1));
  LW_ASSIGN_OR_RETURN(c.activation, activation_name(config, "hidden_act", "gelu"));
  LW_ASSIGN_OR_RETURN(c.attention_bias, config.boolean("attention_bias", true));
  LW_ASSIGN_OR_RETURN(c.parallel, config.boolean("use_parallel_residual", true));
  LW_ASSIGN_OR_RETURN(c.tied_head, config.boolean("tie_word_embeddings", false));
  constexpr RotaryDefaults kDefaults{
      .partial = 0.25, .theta_field = "rotary_emb_base", .partial_field = "rotary_pct"};
  LW_ASSIGN_OR_RETURN(c.rotary,
                      read_rotary(config, kDefaults, {c.sizes.width / c.heads, c.positions}));
  report_unknown_hf_fields(input, kGptNeoxFields);
  return c;
}

class NeoxWriter {
 public:
  NeoxWriter(const NeoxConfig& config, DecoderWriter& parts)
      : c_(config), head_dim_(config.sizes.width / config.heads), parts_(parts) {}

  /// The vectors of the tokens behind the last norm.
  ValueId write() {
    const ValueId ids = parts_.ids();
    ValueId x = parts_.embed("embed_in", ids);
    angles_ = write_rotary_angles("rotary", ids, c_.rotary, parts_.builder(), parts_.tensors());
    for (int64_t i = 0; i < c_.layers; ++i) x = layer("layers." + std::to_string(i), x);
    return parts_.norm("final_layer_norm", x);
  }

 private:
  ValueId layer(const std::string& name, ValueId x) {
    const ValueId y = attention(name + ".attention", parts_.norm(name + ".input_layernorm", x));
    const ValueId sum = parts_.builder().add(name + ".attention.add", y, x);
    const ValueId z = parts_.norm(name + ".post_attention_layernorm", c_.parallel ? x : sum);
    return parts_.builder().add(name + ".mlp.add", feed_forward(name + ".mlp", z), sum);
  }

  ValueId feed_forward(const std::string& name, ValueId x) {
    x = parts_.linear(name + ".dense_h_to_4h", x, c_.hidden);
    x = parts_.builder().activation(name + ".act", x, c_.activation);
    return parts_.linear(name + ".dense_4h_to_h", x, c_.sizes.width);
  }

  ValueId attention(const std::string& name, ValueId x) {
    const ValueId q = rotated(name + ".query", third(name, "query", 0, x));
    const ValueId k = rotated(name + ".key", third(name, "key", 1, x));
    const ValueId v = third(name, "value", 2, x);
    const ValueId context = parts_.builder().attention(
        name, q, k, v,
        {.heads = c_.heads, .kv_heads = c_.heads, .head_dim = head_dim_, .causal = true});
    return parts_.linear(name + ".dense", context, c_.sizes.width, c_.attention_bias);
  }

  ValueId rotated(const std::string& name, ValueId x) {
    return parts_.builder().rotary(name + ".rotary", x, angles_, {c_.heads, head_dim_});
  }

  /// The fused weight has queries, keys and values of a head together: [heads, 3, head_dim, width].
  ValueId third(const std::string& name, const std::string& role, int64_t number, ValueId x) {
    const std::string fused = parts_.prefix() + name + ".query_key_value";
    const std::string own = name + "." + role;
    graph::Affine affine{part(fused + ".weight", own + ".weight", number, c_.sizes.width), ""};
    if (c_.attention_bias) affine.bias = part(fused + ".bias", own + ".bias", number, 1);
    return parts_.builder().linear(own, x, c_.sizes.width, affine);
  }

  /// Rows `number` of the three of each head; `features` 1: of a vector.
  std::string part(const std::string& fused, const std::string& name, int64_t number,
                   int64_t features) {
    const bool is_vector = features == 1;
    const int64_t width = c_.sizes.width;
    TensorPart part;
    part.shape = is_vector ? Shape{width} : Shape{width, features};
    const int64_t block = head_dim_ * features;
    part.compute = [heads = c_.heads, number, block](std::span<const float> all,
                                                     std::span<float> made) {
      for (int64_t head = 0; head < heads; ++head) {
        std::copy_n(all.begin() + (3 * head + number) * block, block, made.begin() + head * block);
      }
    };
    const Shape whole = is_vector ? Shape{3 * width} : Shape{3 * width, features};
    return parts_.tensors().expect_computed(fused, whole, name, std::move(part));
  }

  const NeoxConfig& c_;
  const int64_t head_dim_;
  DecoderWriter& parts_;
  ValueId angles_ = -1;
};

/// `embed_out`, or `lm_head` in newer checkpoints.
std::string head_name(const Checkpoint& checkpoint, const std::string& outside) {
  const std::string newer = outside + "lm_head.weight";
  return checkpoint.find(newer) != nullptr ? newer : outside + "embed_out.weight";
}

Result<FamilyModel> build_gpt_neox(const FamilyInput& input) {
  LW_ASSIGN_OR_RETURN(const NeoxConfig config, read_gpt_neox_config(input));
  LW_ASSIGN_OR_RETURN(const std::string prefix,
                      find_prefix(input.checkpoint, kGptNeoxAnchor, "gpt_neox."));
  const std::string outside = outside_of_model(prefix, "gpt_neox.");
  LW_ASSIGN_OR_RETURN(const DecoderForm form, decoder_form(input, "GPTNeoX", outside));
  FamilyModel model;
  model.leftovers = rotary_leftovers(prefix, config.layers, "attention");
  std::ranges::move(layer_leftovers(prefix + "layers", config.layers,
                                    {"attention.bias", "attention.masked_bias"}),
                    std::back_inserter(model.leftovers));
  LW_ASSIGN_OR_RETURN(
      DecoderTables tables,
      find_decoder_tables(input, form, config.tied_head,
                          {prefix + "embed_in.weight", head_name(input.checkpoint, outside)},
                          model.leftovers));
  LW_ASSIGN_OR_RETURN(ModuleTensors tensors, ModuleTensors::create(input.config, input.checkpoint));
  DecoderWriter parts(config.sizes, std::move(tables), prefix, tensors);
  const ValueId x = NeoxWriter(config, parts).write();
  if (form == DecoderForm::kLogits) parts.logits("embed_out", x);
  LW_RETURN_IF_ERROR(finish_decoder(input, form, parts.builder(), x,
                                    {.model_type = "gpt_neox",
                                     .vocabulary = config.sizes.vocabulary,
                                     .max_tokens = config.positions,
                                     .tokens = kGptNeoxTokens},
                                    model));
  std::move(tensors).move_into(model);
  return model;
}

}  // namespace

const Family& gpt_neox_family() {
  static constexpr ModelType kModelTypes[] = {{.name = "gpt_neox", .base_prefix = "gpt_neox."}};
  static const Family family = {"gpt_neox", kModelTypes, build_gpt_neox, /*has_encoder_form=*/true};
  return family;
}

}  // namespace lanewise::converters
