// Phi-1, Phi-1.5 and Phi-2: Gunasekar et al. 2023, arXiv:2306.11644; Li et al. 2023,
// arXiv:2309.05463. Names and defaults as in Transformers' modeling_phi and configuration_phi.

#include <array>
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
  int64_t vocabulary = 0;
  int64_t width = 0;
  int64_t hidden = 0;
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t positions = 0;
  double eps = 0;
  std::string activation;
  RotaryFrequencies rotary;
  bool tied_head = false;
};

Status read_phi_heads(const Config& config, PhiConfig& c) {
  LW_ASSIGN_OR_RETURN(c.heads, config.integer("num_attention_heads", 32, 1, kMaxFeatures));
  LW_ASSIGN_OR_RETURN(c.kv_heads, config.integer("num_key_value_heads", c.heads, 1, kMaxFeatures));
  if (c.width % c.heads != 0) {
    return config.wrong("num_attention_heads",
                        "a divisor of hidden_size = " + std::to_string(c.width));
  }
  if (c.heads % c.kv_heads == 0) return {};
  return config.wrong("num_key_value_heads",
                      "a divisor of num_attention_heads = " + std::to_string(c.heads));
}

Status read_phi_sizes(const Config& config, PhiConfig& c) {
  LW_ASSIGN_OR_RETURN(c.vocabulary, config.integer("vocab_size", 51200, 1, kMaxRows));
  LW_ASSIGN_OR_RETURN(c.width, config.integer("hidden_size", 2048, 1, kMaxFeatures));
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
  LW_ASSIGN_OR_RETURN(c.eps, config.number("layer_norm_eps", 1e-5, 0, 1));
  LW_ASSIGN_OR_RETURN(c.activation, activation_name(config, "hidden_act", "gelu_new"));
  LW_ASSIGN_OR_RETURN(c.tied_head, config.boolean("tie_word_embeddings", false));
  LW_ASSIGN_OR_RETURN(c.rotary,
                      read_rotary(config, {.partial = 0.5}, {c.width / c.heads, c.positions}));
  report_unknown_hf_fields(input, kPhiFields);
  return c;
}

class PhiWriter {
 public:
  PhiWriter(const PhiConfig& config, std::string embedding, std::string prefix,
            ModuleTensors& tensors)
      : c_(config),
        head_dim_(config.width / config.heads),
        embedding_(std::move(embedding)),
        prefix_(std::move(prefix)),
        tensors_(tensors) {}

  /// The vectors of the tokens behind the last norm.
  ValueId write() {
    const ValueId ids = builder_.input("input_ids", RowSymbol::kSourceTokens);
    graph::EmbedSpec spec;
    spec.table = tensors_.expect(embedding_, {c_.vocabulary, c_.width});
    ValueId x = builder_.embed("embed_tokens", ids, -1, c_.width, spec);
    angles_ = write_rotary_angles("rotary", ids, c_.rotary, builder_, tensors_);
    for (int64_t i = 0; i < c_.layers; ++i) x = layer("layers." + std::to_string(i), x);
    return norm("final_layernorm", x);
  }

  /// `head` is the prefix of the head's tensors; its weight may be the embedding's.
  void write_logits(ValueId x, const std::string& head, const std::string& weight) {
    const graph::Affine affine{tensors_.expect(weight, {c_.vocabulary, c_.width}),
                               tensors_.expect(head + "bias", {c_.vocabulary})};
    builder_.output("logits", builder_.linear("lm_head", x, c_.vocabulary, affine));
  }

  graph::Builder& builder() { return builder_; }

 private:
  /// Attention and the feed-forward layer read the same normalised x.
  ValueId layer(const std::string& name, ValueId x) {
    const ValueId normalized = norm(name + ".input_layernorm", x);
    const ValueId y = attention(name + ".self_attn", normalized);
    const ValueId sum = builder_.add(name + ".self_attn.add", y, x);
    return builder_.add(name + ".mlp.add", feed_forward(name + ".mlp", normalized), sum);
  }

  ValueId attention(const std::string& name, ValueId x) {
    const ValueId q = rotated(name + ".q_proj", x, c_.heads);
    const ValueId k = rotated(name + ".k_proj", x, c_.kv_heads);
    const ValueId v = linear(name + ".v_proj", x, c_.kv_heads * head_dim_);
    const ValueId context = builder_.attention(
        name, q, k, v,
        {.heads = c_.heads, .kv_heads = c_.kv_heads, .head_dim = head_dim_, .causal = true});
    return linear(name + ".dense", context, c_.width);
  }

  ValueId rotated(const std::string& name, ValueId x, int64_t heads) {
    return builder_.rotary(name + ".rotary", linear(name, x, heads * head_dim_), angles_,
                           {heads, head_dim_});
  }

  ValueId feed_forward(const std::string& name, ValueId x) {
    x = builder_.activation(name + ".act", linear(name + ".fc1", x, c_.hidden), c_.activation);
    return linear(name + ".fc2", x, c_.width);
  }

  ValueId linear(const std::string& name, ValueId x, int64_t out_features) {
    const Shape shape = {out_features, builder_.value(x).features};
    return builder_.linear(name, x, out_features,
                           {tensors_.expect(prefix_ + name + ".weight", shape),
                            tensors_.expect(prefix_ + name + ".bias", {out_features})});
  }

  ValueId norm(const std::string& name, ValueId x) {
    return builder_.layer_norm(name, x,
                               {tensors_.expect(prefix_ + name + ".weight", {c_.width}),
                                tensors_.expect(prefix_ + name + ".bias", {c_.width})},
                               c_.eps);
  }

  const PhiConfig& c_;
  const int64_t head_dim_;
  const std::string embedding_;
  const std::string prefix_;
  ModuleTensors& tensors_;
  graph::Builder builder_;
  ValueId angles_ = -1;
};

/// Frequencies that older checkpoints store with each layer.
std::vector<std::string> phi_leftovers(const PhiConfig& config, const std::string& prefix) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < config.layers; ++i) {
    names.push_back(prefix + "layers." + std::to_string(i) + ".self_attn.rotary_emb.inv_freq");
  }
  return names;
}

Result<FamilyModel> build_phi(const FamilyInput& input) {
  LW_ASSIGN_OR_RETURN(const PhiConfig config, read_phi_config(input));
  LW_ASSIGN_OR_RETURN(const std::string prefix,
                      find_prefix(input.checkpoint, kPhiAnchor, "model."));
  const std::string outside = outside_of_model(prefix);
  LW_ASSIGN_OR_RETURN(const DecoderForm form, decoder_form(input, "Phi", outside));
  const std::string head = outside + "lm_head.";
  std::string table = prefix + "embed_tokens.weight";
  std::string head_weight = head + "weight";
  FamilyModel model;
  model.leftovers = phi_leftovers(config, prefix);
  if (config.tied_head || form != DecoderForm::kLogits) {
    model.leftovers.insert(model.leftovers.end(), {table, head_weight});
  }
  if (form != DecoderForm::kLogits) model.leftovers.push_back(head + "bias");
  if (config.tied_head) {
    const TiedTensors tied(input.checkpoint, {table, head_weight});
    table = tied.common();
    LW_ASSIGN_OR_RETURN(head_weight, tied.of(head_weight));
  }
  LW_ASSIGN_OR_RETURN(ModuleTensors tensors, ModuleTensors::create(input.config, input.checkpoint));
  PhiWriter writer(config, std::move(table), prefix, tensors);
  const ValueId x = writer.write();
  if (form == DecoderForm::kLogits) writer.write_logits(x, head, head_weight);
  LW_RETURN_IF_ERROR(finish_decoder(input, form, writer.builder(), x,
                                    {.model_type = "phi",
                                     .vocabulary = config.vocabulary,
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
