// T5: Raffel et al. 2019, arXiv:1910.10683; version 1.1 and Flan-T5 with gated layers: Shazeer
// 2020, arXiv:2002.05202. Names and defaults as in Transformers' modeling_t5 and configuration_t5.

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
#include "converters/families/hf_heads.hpp"
#include "converters/families/hf_names.hpp"
#include "converters/families/hf_tokenizer.hpp"
#include "converters/families/module_tensors.hpp"
#include "converters/families/sentence_head.hpp"
#include "converters/families/sentence_transformers.hpp"
#include "converters/families/t5_buckets.hpp"
#include "runtime/graph/builder.hpp"

namespace lanewise::converters {
namespace {

using graph::RowSymbol;
using graph::ValueId;

constexpr int64_t kMaxBuckets = 1 << 12;
// The bias table of a stack has one column per distance.
constexpr int64_t kMaxDistance = 1 << 16;
// Relative positions have no maximum, so any sequence can be run. Some limit is needed, and this is
// eight times the length that T5 was trained on.
constexpr int64_t kT5Tokens = 4096;
constexpr int64_t kTrainedTokens = 512;
constexpr DefaultTokens kTokenIds{.eos = 1, .pad = 0, .decoder_start = 0};
constexpr std::string_view kT5Anchor = "encoder.block.0.layer.0.SelfAttention.q.weight";

constexpr std::array kT5Fields = std::to_array<std::string_view>({"d_ff",
                                                                  "d_kv",
                                                                  "d_model",
                                                                  "dense_act_fn",
                                                                  "feed_forward_proj",
                                                                  "head_dim",
                                                                  "hidden_size",
                                                                  "is_gated_act",
                                                                  "layer_norm_epsilon",
                                                                  "n_positions",
                                                                  "num_attention_heads",
                                                                  "num_decoder_layers",
                                                                  "num_heads",
                                                                  "num_hidden_layers",
                                                                  "num_layers",
                                                                  "output_past",
                                                                  "relative_attention_max_distance",
                                                                  "relative_attention_num_buckets",
                                                                  "scale_decoder_outputs",
                                                                  "tie_encoder_decoder",
                                                                  "tie_word_embeddings",
                                                                  "vocab_size"});

struct T5Config {
  int64_t vocabulary = 0;
  int64_t width = 0;
  int64_t heads = 0;
  int64_t head_dim = 0;
  int64_t hidden = 0;
  int64_t encoder_layers = 0;
  int64_t decoder_layers = 0;
  T5Buckets buckets;
  double eps = 0;
  std::string activation;
  bool gated = false;
  bool tied_head = true;
  bool scale_logits = true;  ///< by width^-0.5
  int64_t text_tokens = 0;
  bool encoder_alone = false;
};

/// `relu`, `gated-gelu`, ...
Status read_feed_forward(const Config& config, T5Config& c) {
  constexpr std::string_view kGated = "gated-";
  const std::string field = "feed_forward_proj";
  LW_ASSIGN_OR_RETURN(const std::string projection, config.text(field, "relu"));
  c.gated = projection.starts_with(kGated);
  std::string activation = c.gated ? projection.substr(kGated.size()) : projection;
  // The only name that Transformers interprets differently here.
  if (c.gated && activation == "gelu") activation = "gelu_new";
  LW_ASSIGN_OR_RETURN(c.activation, activation_of(config, field, activation));
  // Transformers also writes the result of parsing the field.
  const FixedField gated[] = {{"is_gated_act", c.gated}};
  LW_RETURN_IF_ERROR(check_fixed(config, gated));
  LW_ASSIGN_OR_RETURN(const std::string act, config.text("dense_act_fn", activation));
  if (act == activation) return {};
  return config.wrong("dense_act_fn", base::in_quotes(activation) + ", as '" + field + "' says");
}

Status read_buckets(const Config& config, int64_t heads, T5Buckets& buckets) {
  LW_ASSIGN_OR_RETURN(buckets.count, config.integer("relative_attention_num_buckets", 32,
                                                    T5Buckets::kLeast, kMaxBuckets));
  LW_ASSIGN_OR_RETURN(buckets.max_distance,
                      config.integer("relative_attention_max_distance", 128, 1, kMaxDistance));
  if (buckets.max_distance <= buckets.count / 2) {
    return config.wrong("relative_attention_max_distance",
                        "more than half of 'relative_attention_num_buckets'");
  }
  if (2 * buckets.max_distance + 1 <= kMostBiasFloats / heads) return {};
  return config.wrong("relative_attention_max_distance",
                      "less for " + std::to_string(heads) + " heads");
}

/// Transformers scales logits if the head is the embedding. Since version 5 a separate field says
/// so, because it writes `tie_word_embeddings` as true even for an untied head.
Status read_t5_head(const Config& config, T5Config& c) {
  LW_ASSIGN_OR_RETURN(c.tied_head, config.boolean("tie_word_embeddings", true));
  LW_ASSIGN_OR_RETURN(c.scale_logits, config.boolean("scale_decoder_outputs", c.tied_head));
  return {};
}

Status read_t5_sizes(const Config& config, T5Config& c) {
  LW_ASSIGN_OR_RETURN(c.vocabulary, config.integer("vocab_size", 32128, 1, kMaxRows));
  LW_ASSIGN_OR_RETURN(c.width,
                      integer_or_alias(config, "d_model", "hidden_size", 512, 1, kMaxFeatures));
  LW_ASSIGN_OR_RETURN(
      c.heads, integer_or_alias(config, "num_heads", "num_attention_heads", 8, 1, kMaxFeatures));
  LW_ASSIGN_OR_RETURN(c.head_dim,
                      integer_or_alias(config, "d_kv", "head_dim", 64, 1, kMaxFeatures));
  LW_ASSIGN_OR_RETURN(c.hidden, config.integer("d_ff", 2048, 1, kMaxFeatures));
  LW_ASSIGN_OR_RETURN(c.encoder_layers, integer_or_alias(config, "num_layers", "num_hidden_layers",
                                                         6, 1, kMaxLayers));
  LW_ASSIGN_OR_RETURN(c.decoder_layers,
                      config.integer("num_decoder_layers", c.encoder_layers, 1, kMaxLayers));
  LW_ASSIGN_OR_RETURN(c.text_tokens,
                      config.integer("n_positions", kTrainedTokens, 1, kMaxRows / 4));
  return {};
}

/// Whether the checkpoint has only an encoder, or only that is requested.
Result<bool> wants_encoder_alone(const FamilyInput& input) {
  if (input.encoder_alone || is_sentence_folder(input.folder)) return true;
  LW_ASSIGN_OR_RETURN(const auto architectures, input.config.texts("architectures"));
  return std::ranges::find(architectures, "T5EncoderModel") != architectures.end();
}

/// Absent fields have Transformers' defaults.
Result<T5Config> read_t5_config(const FamilyInput& input) {
  const Config& config = input.config;
  constexpr std::array kFixed = std::to_array<FixedField>(
      {{"is_encoder_decoder", true}, {"is_decoder", false}, {"tie_encoder_decoder", false}});
  T5Config c;
  LW_ASSIGN_OR_RETURN(c.encoder_alone, wants_encoder_alone(input));
  if (!c.encoder_alone) LW_RETURN_IF_ERROR(check_fixed(config, kFixed));
  LW_RETURN_IF_ERROR(read_t5_sizes(config, c));
  LW_RETURN_IF_ERROR(read_buckets(config, c.heads, c.buckets));
  LW_RETURN_IF_ERROR(read_feed_forward(config, c));
  LW_RETURN_IF_ERROR(read_t5_head(config, c));
  LW_ASSIGN_OR_RETURN(c.eps, config.number("layer_norm_epsilon", 1e-6, 0, 1));
  report_unknown_hf_fields(input, kT5Fields);
  return c;
}

struct Tables {
  std::string embedding;
  std::string head;
};

/// All names of the embedding; a file has one or several.
TiedTensors t5_tied_tensors(const T5Config& config, const Checkpoint& checkpoint,
                            const std::string& prefix) {
  std::vector<std::string> names = {prefix + "shared.weight",
                                    prefix + "encoder.embed_tokens.weight"};
  if (config.encoder_alone) return {checkpoint, std::move(names)};
  names.push_back(prefix + "decoder.embed_tokens.weight");
  if (config.tied_head) names.push_back(prefix + "lm_head.weight");
  return {checkpoint, std::move(names)};
}

class T5Writer {
 public:
  T5Writer(const T5Config& config, Tables tables, std::string prefix, ModuleTensors& tensors)
      : c_(config), tables_(std::move(tables)), prefix_(std::move(prefix)), tensors_(tensors) {}

  graph::Graph write() {
    const ValueId ids = builder_.input("input_ids", RowSymbol::kSourceTokens);
    const ValueId decoder_ids = builder_.input("decoder_input_ids", RowSymbol::kTargetTokens);
    const ValueId memory =
        stack("encoder", embed("encoder.embed", ids), nullptr, c_.encoder_layers);
    builder_.output("encoder_last_hidden_state", memory);
    const ValueId x =
        stack("decoder", embed("decoder.embed", decoder_ids), &memory, c_.decoder_layers);
    const std::string head = tensors_.expect(tables_.head, {c_.vocabulary, c_.width});
    builder_.output("logits", builder_.linear("lm_head", x, c_.vocabulary, {head, ""}));
    return std::move(builder_).take();
  }

  graph::Graph write_encoder(const SentenceHead& head) {
    const ValueId ids = builder_.input("input_ids", RowSymbol::kSourceTokens);
    const ValueId x = stack("encoder", embed("encoder.embed", ids), nullptr, c_.encoder_layers);
    builder_.output("last_hidden_state", x);
    append_sentence_head(builder_, {.tokens = x}, head);
    return std::move(builder_).take();
  }

 private:
  ValueId embed(const std::string& name, ValueId ids) {
    graph::EmbedSpec spec;
    spec.table = tensors_.expect(tables_.embedding, {c_.vocabulary, c_.width});
    return builder_.embed(name, ids, -1, c_.width, spec);
  }

  ValueId stack(const std::string& name, ValueId x, const ValueId* memory, int64_t layers) {
    const std::string bias = position_bias(name, memory != nullptr);
    for (int64_t i = 0; i < layers; ++i) {
      x = block(name + ".block." + std::to_string(i) + ".layer.", x, memory, bias);
    }
    return memory == nullptr ? norm(name + ".final_layer_norm", x) : last_norm(x);
  }

  ValueId block(const std::string& name, ValueId x, const ValueId* memory,
                const std::string& bias) {
    const bool causal = memory != nullptr;
    int number = 0;
    const auto residual = [&](const auto& part) {
      const std::string layer = name + std::to_string(number++);
      x = builder_.add(layer + ".add", part(layer, norm(layer + ".layer_norm", x)), x);
    };
    residual([&](const std::string& layer, ValueId in) {
      return attention(layer + ".SelfAttention", in, in, causal, bias);
    });
    if (memory != nullptr) {
      residual([&](const std::string& layer, ValueId in) {
        return attention(layer + ".EncDecAttention", in, *memory, false, "");
      });
    }
    residual([&](const std::string& layer, ValueId in) {
      return feed_forward(layer + ".DenseReluDense", in);
    });
    return x;
  }

  ValueId attention(const std::string& name, ValueId x, ValueId memory, bool causal,
                    const std::string& bias) {
    const int64_t inner = c_.heads * c_.head_dim;
    const ValueId q = linear(name + ".q", x, inner);
    const ValueId k = linear(name + ".k", memory, inner);
    const ValueId v = linear(name + ".v", memory, inner);
    const ValueId context = builder_.attention(name, q, k, v,
                                               {.heads = c_.heads,
                                                .kv_heads = c_.heads,
                                                .head_dim = c_.head_dim,
                                                .causal = causal,
                                                .scale = 1.0,
                                                .relative_bias = bias});
    return linear(name + ".o", context, c_.width);
  }

  ValueId feed_forward(const std::string& name, ValueId x) {
    ValueId hidden = linear(name + (c_.gated ? ".wi_0" : ".wi"), x, c_.hidden);
    hidden = builder_.activation(name + ".act", hidden, c_.activation);
    if (c_.gated) {
      hidden = builder_.mul(name + ".gate", hidden, linear(name + ".wi_1", x, c_.hidden));
    }
    return linear(name + ".wo", hidden, c_.width);
  }

  ValueId linear(const std::string& name, ValueId x, int64_t out_features) {
    const Shape shape = {out_features, builder_.value(x).features};
    return builder_.linear(name, x, out_features,
                           {tensors_.expect(prefix_ + name + ".weight", shape), ""});
  }

  ValueId norm(const std::string& name, ValueId x) {
    return builder_.rms_norm(name, x, tensors_.expect(prefix_ + name + ".weight", {c_.width}),
                             c_.eps);
  }

  /// The decoder's final norm, whose weight absorbs the scale of the logits: the head is linear.
  ValueId last_norm(ValueId x) {
    const std::string name = "decoder.final_layer_norm";
    if (!c_.scale_logits) return norm(name, x);
    TensorPart part;
    part.shape = {c_.width};
    const double scale = 1.0 / std::sqrt(static_cast<double>(c_.width));
    part.compute = [scale](std::span<const float> weight, std::span<float> scaled) {
      std::transform(weight.begin(), weight.end(), scaled.begin(),
                     [&](float w) { return static_cast<float>(static_cast<double>(w) * scale); });
    };
    const std::string weight = tensors_.expect_computed(prefix_ + name + ".weight", {c_.width},
                                                        name + ".scaled_weight", std::move(part));
    return builder_.rms_norm(name, x, weight, c_.eps);
  }

  /// The table of layer 0, shared by all layers of the stack, by distance.
  std::string position_bias(const std::string& stack, bool causal) {
    const std::string name = stack + ".block.0.layer.0.SelfAttention.relative_attention_bias";
    TensorPart part;
    part.shape = {c_.heads, 2 * c_.buckets.max_distance + 1};
    part.compute = [buckets = c_.buckets, heads = c_.heads, causal](std::span<const float> table,
                                                                    std::span<float> bias) {
      fill_t5_bias(buckets, heads, causal, table, bias);
    };
    return tensors_.expect_computed(prefix_ + name + ".weight", {c_.buckets.count, c_.heads},
                                    name + ".by_distance", std::move(part));
  }

  const T5Config& c_;
  Tables tables_;
  std::string prefix_;
  ModuleTensors& tensors_;
  graph::Builder builder_;
};

/// Transformers once made this table and never used it.
constexpr const char* kUnusedTable =
    "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight";

/// Copies of tied tensors, and the unused table.
std::vector<std::string> t5_leftovers(const std::string& prefix) {
  std::vector<std::string> names = {"shared.weight", "encoder.embed_tokens.weight",
                                    "decoder.embed_tokens.weight", "lm_head.weight", kUnusedTable};
  for (std::string& name : names) name.insert(0, prefix);
  return names;
}

void describe_t5(const T5Config& config, ModelInfo& info) {
  info.family = "t5";
  info.task = "text2text";
  info.vocabulary_size = config.vocabulary;
  info.max_tokens = std::max(kT5Tokens, config.text_tokens);
  info.max_text_tokens = config.text_tokens;
  if (config.encoder_alone) return;
  info.target_vocabulary_size = config.vocabulary;
  info.max_target_tokens = info.max_tokens;
}

/// T5ForTokenClassification is an encoder named `transformer.`.
Status refuse_t5_heads(const FamilyInput& input, const std::string& prefix) {
  static constexpr std::array kWithout =
      std::to_array<std::string_view>({"T5EncoderModel", "T5Model", "T5WithLMHeadModel"});
  static constexpr std::array kTensors =
      std::to_array<std::string_view>({"classification_head.", "classifier.", "qa_outputs."});
  if (is_sentence_folder(input.folder)) return {};
  return check_head(input, {kWithout, kTensors}, prefix);
}

Status write_encoder(const FamilyInput& input, const T5Config& config, Tables tables,
                     const std::string& prefix, ModuleTensors tensors, FamilyModel& model) {
  LW_ASSIGN_OR_RETURN(const SentenceHead head, read_sentence_head(input, config.width));
  model.graph = T5Writer(config, std::move(tables), prefix, tensors).write_encoder(head);
  std::move(tensors).move_into(model);
  return describe_encoder(input, head, model);
}

Status write_model(const FamilyInput& input, const T5Config& config, Tables tables,
                   const std::string& prefix, ModuleTensors tensors, FamilyModel& model) {
  model.graph = T5Writer(config, std::move(tables), prefix, tensors).write();
  std::move(tensors).move_into(model);
  LW_ASSIGN_OR_RETURN(model.info.generation,
                      read_hf_generation(input, config.vocabulary, kTokenIds));
  return {};
}

Result<FamilyModel> build_t5(const FamilyInput& input) {
  LW_ASSIGN_OR_RETURN(const std::string prefix, find_prefix(input.checkpoint, kT5Anchor, ""));
  // Before the config, because configs of other classes differ.
  LW_RETURN_IF_ERROR(refuse_t5_heads(input, prefix));
  LW_ASSIGN_OR_RETURN(const T5Config config, read_t5_config(input));
  const TiedTensors tied = t5_tied_tensors(config, input.checkpoint, prefix);
  Tables tables = {tied.common(), prefix + "lm_head.weight"};
  if (config.tied_head && !config.encoder_alone) {
    LW_ASSIGN_OR_RETURN(tables.head, tied.of(tables.head));
  }
  LW_ASSIGN_OR_RETURN(ModuleTensors tensors, ModuleTensors::create(input.config, input.checkpoint));
  FamilyModel model;
  describe_t5(config, model.info);
  const auto write = config.encoder_alone ? write_encoder : write_model;
  LW_RETURN_IF_ERROR(write(input, config, std::move(tables), prefix, std::move(tensors), model));
  LW_RETURN_IF_ERROR(read_hf_tokenizers(input, "t5", model));
  model.leftovers = t5_leftovers(prefix);
  return model;
}

}  // namespace

const Family& t5_family() {
  static constexpr ModelType kModelTypes[] = {{"t5"}};
  static const Family family = {"t5", kModelTypes, build_t5, /*has_encoder_form=*/true};
  return family;
}

}  // namespace lanewise::converters
