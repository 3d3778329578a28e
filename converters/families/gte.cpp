// GTE: Zhang et al. 2024, arXiv:2407.19669. BERT's norms around rotary attention and gated
// feed-forward layers. Names and defaults as in Transformers' modeling_gte, and as in the code that
// Alibaba-NLP/new-impl published before (`model_type` new).

#include <array>
#include <utility>

#include "base/status_macros.hpp"
#include "converters/families/encoder_config.hpp"
#include "converters/families/encoder_writer.hpp"
#include "converters/families/family.hpp"
#include "converters/families/hf_config.hpp"
#include "converters/families/hf_encoder.hpp"
#include "converters/families/hf_names.hpp"
#include "converters/families/rotary_config.hpp"

namespace lanewise::converters {
namespace {

using graph::ValueId;

constexpr std::string_view kGteAnchor = "embeddings.word_embeddings.weight";
constexpr std::array kGteFields = std::to_array<std::string_view>(
    {"layer_norm_type", "logn_attention_clip1", "logn_attention_scale", "pack_qkv",
     "rope_parameters", "rope_scaling", "rope_theta", "unpad_inputs",
     "use_memory_efficient_attention"});

struct GteConfig {
  EncoderSizes sizes;
  RotaryFrequencies rotary;
};

Result<GteConfig> read_gte_config(const Config& config, bool published) {
  constexpr std::array kFixed = std::to_array<FixedField>({{"logn_attention_scale", false}});
  GteConfig c;
  EncoderSizes defaults;
  defaults.vocabulary = published ? 30528 : 250048;
  defaults.positions = published ? 2048 : 8192;
  defaults.token_types = 1;
  LW_RETURN_IF_ERROR(check_is_encoder(config, "gte", "rope"));
  LW_RETURN_IF_ERROR(check_text(config, "layer_norm_type", "layer_norm"));
  LW_RETURN_IF_ERROR(check_fixed(config, kFixed));
  LW_ASSIGN_OR_RETURN(c.sizes, read_encoder_sizes(config, defaults));
  LW_RETURN_IF_ERROR(check_not_pruned(config, c.sizes));
  const RotaryDefaults rotary = {.theta = published ? 10000.0 : 160000.0, .ntk = true};
  LW_ASSIGN_OR_RETURN(c.rotary,
                      read_rotary(config, rotary, {c.sizes.head_dim(), c.sizes.positions}));
  return c;
}

/// The published code's; `pack_qkv` decides between two spellings of the projections.
PostNormModules published_gte_layer(const std::string& name, bool packed) {
  const std::string self = name + ".attention";
  const std::string mlp = name + ".mlp";
  return {.attention = AttentionModules{.node = self,
                                        .query = self + ".q_proj",
                                        .key = self + ".k_proj",
                                        .value = self + ".v_proj",
                                        .packed = packed ? self + ".qkv_proj" : ""},
          .attention_output = self + ".o_proj",
          .attention_norm = name + ".attn_ln",
          .norm = name + ".mlp_ln",
          .gated = GatedModules{.gate = mlp + ".gate",
                                .up = mlp + ".up",
                                .down = mlp + ".down_proj",
                                .packed = mlp + ".up_gate_proj",
                                .gate_first = false,
                                .down_bias = true}};
}

PostNormModules gte_layer(EncoderWriter& writer, int64_t number) {
  const auto has = [&](const std::string& name) {
    return writer.tensors().find(writer.prefix() + name + ".weight") != nullptr;
  };
  const std::string own = "layers." + std::to_string(number);
  if (has(own + ".self_attn.o_proj")) {
    PostNormModules modules = gated_layer(own);
    modules.attention.bias = modules.output_bias = modules.gated.down_bias = true;
    return modules;
  }
  const std::string name = "encoder.layer." + std::to_string(number);
  return published_gte_layer(name, !has(name + ".attention.q_proj"));
}

ValueId write_gte(EncoderWriter& writer, const GteConfig& c) {
  ValueId x = writer.embed({.words = "embeddings.word_embeddings",
                            .positions = "",
                            .types = "embeddings.token_type_embeddings",
                            .features = c.sizes.hidden});
  x = writer.norm("embeddings.LayerNorm", x);
  writer.add_state(x);
  const ValueId angles = writer.angles("rotary", c.rotary);
  for (int64_t i = 0; i < c.sizes.layers; ++i) {
    x = writer.post_norm_layer(gte_layer(writer, i), x, {.angles = angles});
    writer.add_state(x);
  }
  return x;
}

Result<FamilyModel> build_gte(const FamilyInput& input) {
  LW_ASSIGN_OR_RETURN(const std::string type, input.config.text("model_type", ""));
  const bool published = type == "new";
  LW_ASSIGN_OR_RETURN(const GteConfig c, read_gte_config(input.config, published));
  LW_ASSIGN_OR_RETURN(std::string prefix,
                      find_prefix(input.checkpoint, kGteAnchor, published ? "new." : "gte."));
  LW_ASSIGN_OR_RETURN(ModuleTensors tensors, ModuleTensors::create(input.config, input.checkpoint));
  report_unknown_encoder_fields(input, kGteFields);
  const std::string norm = input.checkpoint.find("lm_head.norm.weight") == nullptr
                               ? "lm_head.layer_norm"
                               : "lm_head.norm";
  const std::string_view attribute = prefix.ends_with("gte.") ? "gte." : "new.";
  EncoderWriter writer(c.sizes, std::move(prefix), tensors);
  return finish_encoder(
      input, c.sizes, writer, write_gte(writer, c),
      {.family = "gte",
       .model_type = "gte",
       .classes = published ? "New" : "Gte",
       .attribute = attribute,
       .max_tokens = c.sizes.positions,
       .pooler = "pooler.dense",
       .heads = {text_head(HeadInput::kPooler), token_head(), lm_head(c.sizes.eps, norm)}});
}

}  // namespace

const Family& gte_family() {
  static constexpr ModelType kModelTypes[] = {{"gte"}, {.name = "new", .base_prefix = "new."}};
  static const Family family = {"gte", kModelTypes, build_gte, /*has_encoder_form=*/true};
  return family;
}

}  // namespace lanewise::converters
