// GPT-NeoX and Pythia: Black et al. 2022, arXiv:2204.06745; Biderman et al. 2023, arXiv:2304.01373.
// Names and defaults as in Transformers' modeling_gpt_neox and configuration_gpt_neox.

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/families/activation_names.hpp"
#include "converters/families/config_limits.hpp"
#include "converters/families/family.hpp"
#include "converters/families/hf_config.hpp"
#include "converters/families/hf_decoder.hpp"
#include "converters/families/hf_names.hpp"
#include "converters/families/module_tensors.hpp"
#include "converters/families/rotary_config.hpp"
#include "runtime/graph/builder.hpp"

namespace lanewise::converters {
namespace {

using graph::RowSymbol;
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
  int64_t vocabulary = 0;
  int64_t width = 0;
  int64_t hidden = 0;
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t positions = 0;
  double eps = 0;
  std::string activation;
  RotaryFrequencies rotary;
  bool attention_bias = true;
  bool parallel = true;  ///< attention and the feed-forward layer read the same x
  bool tied_head = false;
};

Status read_gpt_neox_sizes(const Config& config, NeoxConfig& c) {
  LW_ASSIGN_OR_RETURN(c.vocabulary, config.integer("vocab_size", 50432, 1, kMaxRows));
  LW_ASSIGN_OR_RETURN(c.width, config.integer("hidden_size", 6144, 1, kMaxFeatures));
  LW_ASSIGN_OR_RETURN(c.hidden, config.integer("intermediate_size", 24576, 1, kMaxFeatures));
  LW_ASSIGN_OR_RETURN(c.layers, config.integer("num_hidden_layers", 44, 1, kMaxLayers));
  LW_ASSIGN_OR_RETURN(c.heads, config.integer("num_attention_heads", 64, 1, kMaxFeatures));
  LW_ASSIGN_OR_RETURN(c.positions,
                      config.integer("max_position_embeddings", 2048, 1, kGptNeoxMaxPositions));
  if (c.width % c.heads == 0) return {};
  return config.wrong("num_attention_heads",
                      "a divisor of hidden_size = " + std::to_string(c.width));
}

/// Fields that are absent have the values that Transformers gives them.
Result<NeoxConfig> read_gpt_neox_config(const FamilyInput& input) {
  const Config& config = input.config;
  NeoxConfig c;
  LW_RETURN_IF_ERROR(read_gpt_neox_sizes(config, c));
  LW_ASSIGN_OR_RETURN(c.eps, config.number("layer_norm_eps", 1e-5, 0, 1));
  LW_ASSIGN_OR_RETURN(c.activation, activation_name(config, "hidden_act", "gelu"));
  LW_ASSIGN_OR_RETURN(c.attention_bias, config.boolean("attention_bias", true));
  LW_ASSIGN_OR_RETURN(c.parallel, config.boolean("use_parallel_residual", true));
  LW_ASSIGN_OR_RETURN(c.tied_head, config.boolean("tie_word_embeddings", false));
  constexpr RotaryDefaults kDefaults{
      .partial = 0.25, .theta_field = "rotary_emb_base", .partial_field = "rotary_pct"};
  LW_ASSIGN_OR_RETURN(c.rotary, read_rotary(config, kDefaults, {c.width / c.heads, c.positions}));
  report_unknown_hf_fields(input, kGptNeoxFields);
  return c;
}

class NeoxWriter {
 public:
  NeoxWriter(const NeoxConfig& config, std::string embedding, std::string prefix,
             ModuleTensors& tensors)
      : c_(config),
        head_dim_(config.width / config.heads),
        embedding_(std::move(embedding)),
        prefix_(std::move(prefix)),
        tensors_(tensors) {}

  ValueId write() {
    const ValueId ids = builder_.input("input_ids", RowSymbol::kSourceTokens);
    graph::EmbedSpec spec;
    spec.table = tensors_.expect(embedding_, {c_.vocabulary, c_.width});
    ValueId x = builder_.embed("embed_in", ids, -1, c_.width, spec);
    angles_ = write_rotary_angles("rotary", ids, c_.rotary, builder_, tensors_);
    for (int64_t i = 0; i < c_.layers; ++i) x = layer("layers." + std::to_string(i), x);
    return norm("final_layer_norm", x);
  }

  void write_logits(ValueId x, const std::string& head) {
    const std::string weight = tensors_.expect(head, {c_.vocabulary, c_.width});
    builder_.output("logits", builder_.linear("embed_out", x, c_.vocabulary, {weight, ""}));
  }

  graph::Builder& builder() { return builder_; }

 private:
  ValueId layer(const std::string& name, ValueId x) {
    const ValueId y = attention(name + ".attention", norm(name + ".input_layernorm", x));
    const ValueId sum = builder_.add(name + ".attention.add", y, x);
    const ValueId z = norm(name + ".post_attention_layernorm", c_.parallel ? x : sum);
    return builder_.add(name + ".mlp.add", feed_forward(name + ".mlp", z), sum);
  }

  ValueId feed_forward(const std::string& name, ValueId x) {
    x = linear(name + ".dense_h_to_4h", x, c_.hidden, /*has_bias=*/true);
    x = builder_.activation(name + ".act", x, c_.activation);
    return linear(name + ".dense_4h_to_h", x, c_.width, /*has_bias=*/true);
  }

  ValueId attention(const std::string& name, ValueId x) {
    const ValueId q = rotated(name + ".query", third(name, "query", 0, x));
    const ValueId k = rotated(name + ".key", third(name, "key", 1, x));
    const ValueId v = third(name, "value", 2, x);
    const ValueId context = builder_.attention(
        name, q, k, v,
        {.heads = c_.heads, .kv_heads = c_.heads, .head_dim = head_dim_, .causal = true});
    return linear(name + ".dense", context, c_.width, c_.attention_bias);
  }

  ValueId rotated(const std::string& name, ValueId x) {
    return builder_.rotary(name + ".rotary", x, angles_, {c_.heads, head_dim_});
  }

  /// The fused weight has queries, keys and values of a head together: [heads, 3, head_dim, width].
  ValueId third(const std::string& name, const std::string& role, int64_t number, ValueId x) {
    const std::string fused = prefix_ + name + ".query_key_value";
    graph::Affine affine{part(fused + ".weight", name + "." + role + ".weight", number, c_.width),
                         ""};
    if (c_.attention_bias) {
      affine.bias = part(fused + ".bias", name + "." + role + ".bias", number, 1);
    }
    return builder_.linear(name + "." + role, x, c_.width, affine);
  }

  /// Rows `number` of the three of each head; `features` 1: of a vector.
  std::string part(const std::string& fused, const std::string& name, int64_t number,
                   int64_t features) {
    const bool is_vector = features == 1;
    TensorPart part;
    part.shape = is_vector ? Shape{c_.width} : Shape{c_.width, features};
    const int64_t block = head_dim_ * features;
    part.compute = [heads = c_.heads, number, block](std::span<const float> all,
                                                     std::span<float> made) {
      for (int64_t head = 0; head < heads; ++head) {
        std::copy_n(all.begin() + (3 * head + number) * block, block, made.begin() + head * block);
      }
    };
    const Shape whole = is_vector ? Shape{3 * c_.width} : Shape{3 * c_.width, features};
    return tensors_.expect_computed(fused, whole, name, std::move(part));
  }

  ValueId linear(const std::string& name, ValueId x, int64_t out_features, bool has_bias) {
    const Shape shape = {out_features, builder_.value(x).features};
    graph::Affine affine{tensors_.expect(prefix_ + name + ".weight", shape), ""};
    if (has_bias) affine.bias = tensors_.expect(prefix_ + name + ".bias", {out_features});
    return builder_.linear(name, x, out_features, affine);
  }

  ValueId norm(const std::string& name, ValueId x) {
    return builder_.layer_norm(name, x,
                               {tensors_.expect(prefix_ + name + ".weight", {c_.width}),
                                tensors_.expect(prefix_ + name + ".bias", {c_.width})},
                               c_.eps);
  }

  const NeoxConfig& c_;
  const int64_t head_dim_;
  const std::string embedding_;
  const std::string prefix_;
  ModuleTensors& tensors_;
  graph::Builder builder_;
  ValueId angles_ = -1;
};

/// Masks and frequencies that older checkpoints store with each layer.
std::vector<std::string> gpt_neox_leftovers(const NeoxConfig& config, const std::string& prefix) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < config.layers; ++i) {
    for (const char* name :
         {".attention.bias", ".attention.masked_bias", ".attention.rotary_emb.inv_freq"}) {
      names.push_back(prefix + "layers." + std::to_string(i) + name);
    }
  }
  return names;
}

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
  std::string table = prefix + "embed_in.weight";
  std::string head = head_name(input.checkpoint, outside);
  FamilyModel model;
  model.leftovers = gpt_neox_leftovers(config, prefix);
  if (config.tied_head || form != DecoderForm::kLogits) {
    model.leftovers.insert(model.leftovers.end(), {table, head});
  }
  if (config.tied_head) {
    const TiedTensors tied(input.checkpoint, {table, head});
    table = tied.common();
    LW_ASSIGN_OR_RETURN(head, tied.of(head));
  }
  LW_ASSIGN_OR_RETURN(ModuleTensors tensors, ModuleTensors::create(input.config, input.checkpoint));
  NeoxWriter writer(config, std::move(table), prefix, tensors);
  const ValueId x = writer.write();
  if (form == DecoderForm::kLogits) writer.write_logits(x, head);
  LW_RETURN_IF_ERROR(finish_decoder(input, form, writer.builder(), x,
                                    {.model_type = "gpt_neox",
                                     .vocabulary = config.vocabulary,
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
