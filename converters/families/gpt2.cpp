// GPT-2: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners". Names and
// defaults as in Transformers' modeling_gpt2 and configuration_gpt2.

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
#include "runtime/graph/builder.hpp"

namespace lanewise::converters {
namespace {

using graph::RowSymbol;
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
  int64_t vocabulary = 0;
  int64_t width = 0;
  int64_t hidden = 0;
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t positions = 0;
  double eps = 0;
  std::string activation;
  bool scale_scores = true;            ///< by 1 / sqrt(head_dim)
  bool scale_scores_by_layer = false;  ///< also by 1 / (layer + 1)
  bool tied_head = true;
};

Status read_gpt2_sizes(const Config& config, Gpt2Config& c) {
  LW_ASSIGN_OR_RETURN(c.vocabulary, config.integer("vocab_size", 50257, 1, kMaxRows));
  LW_ASSIGN_OR_RETURN(c.width,
                      integer_or_alias(config, "n_embd", "hidden_size", 768, 1, kMaxFeatures));
  LW_ASSIGN_OR_RETURN(c.layers,
                      integer_or_alias(config, "n_layer", "num_hidden_layers", 12, 1, kMaxLayers));
  LW_ASSIGN_OR_RETURN(
      c.heads, integer_or_alias(config, "n_head", "num_attention_heads", 12, 1, kMaxFeatures));
  LW_ASSIGN_OR_RETURN(c.positions,
                      integer_or_alias(config, "n_positions", "max_position_embeddings", 1024, 1,
                                       kGpt2MaxPositions));
  LW_ASSIGN_OR_RETURN(c.hidden, config.integer("n_inner", 4 * c.width, 1, kMaxFeatures));
  if (c.width % c.heads == 0) return {};
  return config.wrong("n_head", "a divisor of n_embd = " + std::to_string(c.width));
}

/// Fields that are absent have the values that Transformers gives them.
Result<Gpt2Config> read_gpt2_config(const FamilyInput& input) {
  const Config& config = input.config;
  static constexpr FixedField kFixed[] = {{"add_cross_attention", false}};
  LW_RETURN_IF_ERROR(check_fixed(config, kFixed));
  Gpt2Config c;
  LW_RETURN_IF_ERROR(read_gpt2_sizes(config, c));
  LW_ASSIGN_OR_RETURN(c.eps, config.number("layer_norm_epsilon", 1e-5, 0, 1));
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
  Gpt2Writer(const Gpt2Config& config, std::string embedding, std::string prefix,
             ModuleTensors& tensors)
      : c_(config),
        embedding_(std::move(embedding)),
        prefix_(std::move(prefix)),
        tensors_(tensors) {}

  ValueId write() {
    ValueId x = embed(builder_.input("input_ids", RowSymbol::kSourceTokens));
    for (int64_t i = 0; i < c_.layers; ++i) x = layer("h." + std::to_string(i), x, i);
    return norm("ln_f", x);
  }

  void write_logits(ValueId x, const std::string& head) {
    const std::string weight = tensors_.expect(head, {c_.vocabulary, c_.width});
    builder_.output("logits", builder_.linear("lm_head", x, c_.vocabulary, {weight, ""}));
  }

  graph::Builder& builder() { return builder_; }

 private:
  ValueId embed(ValueId ids) {
    graph::EmbedSpec spec;
    spec.table = tensors_.expect(embedding_, {c_.vocabulary, c_.width});
    spec.position_table = tensors_.expect(prefix_ + "wpe.weight", {c_.positions, c_.width});
    spec.attributes = {{"position", std::string("learned")}, {"max_positions", c_.positions}};
    return builder_.embed("wte", ids, -1, c_.width, spec);
  }

  ValueId layer(const std::string& name, ValueId x, int64_t number) {
    ValueId y = attention(name + ".attn", norm(name + ".ln_1", x), number);
    x = builder_.add(name + ".attn.add", y, x);
    y = conv1d(name + ".mlp.c_fc", norm(name + ".ln_2", x), c_.hidden);
    y = builder_.activation(name + ".mlp.act", y, c_.activation);
    return builder_.add(name + ".mlp.add", conv1d(name + ".mlp.c_proj", y, c_.width), x);
  }

  ValueId attention(const std::string& name, ValueId x, int64_t layer) {
    const int64_t head_dim = c_.width / c_.heads;
    double scale = c_.scale_scores ? 1 / std::sqrt(static_cast<double>(head_dim)) : 1;
    if (c_.scale_scores_by_layer) scale /= static_cast<double>(layer + 1);
    const ValueId qkv = conv1d(name + ".c_attn", x, 3 * c_.width);
    const ValueId context = builder_.attention(name, qkv,
                                               {.heads = c_.heads,
                                                .kv_heads = c_.heads,
                                                .head_dim = head_dim,
                                                .causal = true,
                                                .scale = scale});
    return conv1d(name + ".c_proj", context, c_.width);
  }

  /// A linear whose weight is stored as [in, out].
  ValueId conv1d(const std::string& name, ValueId x, int64_t out_features) {
    const Shape stored = {builder_.value(x).features, out_features};
    return builder_.linear(name, x, out_features,
                           {tensors_.expect_transposed(prefix_ + name + ".weight", stored),
                            tensors_.expect(prefix_ + name + ".bias", {out_features})});
  }

  ValueId norm(const std::string& name, ValueId x) {
    return builder_.layer_norm(name, x,
                               {tensors_.expect(prefix_ + name + ".weight", {c_.width}),
                                tensors_.expect(prefix_ + name + ".bias", {c_.width})},
                               c_.eps);
  }

  const Gpt2Config& c_;
  const std::string embedding_;
  const std::string prefix_;
  ModuleTensors& tensors_;
  graph::Builder builder_;
};

/// Masks that older checkpoints store with each layer.
std::vector<std::string> gpt2_leftovers(const Gpt2Config& config, const std::string& prefix) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < config.layers; ++i) {
    for (const char* mask : {".attn.bias", ".attn.masked_bias"}) {
      names.push_back(prefix + "h." + std::to_string(i) + mask);
    }
  }
  return names;
}

Result<FamilyModel> build_gpt2(const FamilyInput& input) {
  LW_ASSIGN_OR_RETURN(const Gpt2Config config, read_gpt2_config(input));
  LW_ASSIGN_OR_RETURN(const std::string prefix,
                      find_prefix(input.checkpoint, kGpt2Anchor, "transformer."));
  const std::string outside = outside_of_model(prefix, "transformer.");
  LW_ASSIGN_OR_RETURN(const DecoderForm form, decoder_form(input, "GPT2", outside));
  const std::string embedding = prefix + "wte.weight";
  std::string head = outside + "lm_head.weight";
  FamilyModel model;
  model.leftovers = gpt2_leftovers(config, prefix);
  std::string table = embedding;
  if (config.tied_head || form != DecoderForm::kLogits) {
    model.leftovers.insert(model.leftovers.end(), {embedding, head});
  }
  if (config.tied_head) {
    const TiedTensors tied(input.checkpoint, {embedding, head});
    table = tied.common();
    LW_ASSIGN_OR_RETURN(head, tied.of(head));
  }
  LW_ASSIGN_OR_RETURN(ModuleTensors tensors, ModuleTensors::create(input.config, input.checkpoint));
  Gpt2Writer writer(config, std::move(table), prefix, tensors);
  const ValueId x = writer.write();
  if (form == DecoderForm::kLogits) writer.write_logits(x, head);
  LW_RETURN_IF_ERROR(finish_decoder(input, form, writer.builder(), x,
                                    {.model_type = "gpt2",
                                     .vocabulary = config.vocabulary,
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
