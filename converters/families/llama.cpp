// LLaMA and its relatives Mistral, Ministral, Mixtral, Qwen 2, 3 and 3 MoE, SmolLM3, Phi-3, OLMo 2, Gemma 2 and 3: one graph
// with the differences of llama_config.cpp. Touvron et al. 2023, arXiv:2302.13971. Names as in
// Transformers' modeling files.

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/families/family.hpp"
#include "converters/families/hf_decoder.hpp"
#include "converters/families/hf_names.hpp"
#include "converters/families/llama_config.hpp"
#include "converters/families/module_tensors.hpp"
#include "runtime/graph/builder.hpp"

namespace lanewise::converters {
namespace {

using graph::RowSymbol;
using graph::ValueId;

constexpr std::string_view kLlamaAnchor = "layers.0.self_attn.o_proj.weight";

/// A range of rows of a tensor: a linear of its own.
struct Rows {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t of = 0;  ///< rows of the whole tensor
};

class LlamaWriter {
 public:
  LlamaWriter(const LlamaConfig& config, std::string embedding, std::string prefix,
              ModuleTensors& tensors)
      : c_(config),
        embedding_(std::move(embedding)),
        prefix_(std::move(prefix)),
        tensors_(tensors) {}

  /// The vectors of the tokens behind the last norm.
  ValueId write() {
    ids_ = builder_.input("input_ids", RowSymbol::kSourceTokens);
    ValueId x = embed();
    angles_ = angles("rotary", c_.rotary, /*local=*/false);
    if (!c_.local_rotary.frequencies.empty()) {
      local_angles_ = angles("rotary.local", c_.local_rotary, /*local=*/true);
    }
    for (size_t i = 0; i < c_.layers.size(); ++i) {
      x = layer("layers." + std::to_string(i), x, c_.layers[i]);
    }
    return norm("norm", x, c_.width);
  }

  void write_logits(ValueId x, const std::string& head) {
    const std::string weight = tensors_.expect(head, {c_.vocabulary, c_.width});
    ValueId logits = builder_.linear("lm_head", x, c_.vocabulary, {weight, ""});
    if (c_.logits_cap > 0) logits = builder_.soft_cap("lm_head.cap", logits, c_.logits_cap);
    builder_.output("logits", logits);
  }

  graph::Builder& builder() { return builder_; }

 private:
  ValueId embed() {
    graph::EmbedSpec spec;
    spec.table = tensors_.expect(embedding_, {c_.vocabulary, c_.width});
    if (c_.kind->gemma) {
      spec.attributes.set("scale", std::sqrt(static_cast<double>(c_.width)));
    }
    return builder_.embed("embed_tokens", ids_, -1, c_.width, spec);
  }

  /// -1 if no layer turns its queries and keys by them.
  ValueId angles(const std::string& name, const RotaryFrequencies& rotary, bool local) {
    const bool used = std::ranges::any_of(c_.layers, [local](const LlamaLayer& layer) {
      return layer.turned && layer.is_local == local;
    });
    if (!used) return -1;
    return write_rotary_angles(name, ids_, rotary, builder_, tensors_);
  }

  ValueId layer(const std::string& name, ValueId x, const LlamaLayer& layer) {
    const bool before = c_.kind->norms != LlamaNorms::kAfter;
    const bool after = c_.kind->norms != LlamaNorms::kBefore;
    const bool around = before && after;
    const auto residual = [&](const std::string& part, const std::string& norm_before,
                              const std::string& norm_after, const auto& compute) {
      ValueId y = before ? norm(name + "." + norm_before, x, c_.width) : x;
      y = compute(name + "." + part, y);
      if (after) y = norm(name + "." + norm_after, y, c_.width);
      x = builder_.add(name + "." + part + ".add", y, x);
    };
    residual("self_attn", "input_layernorm", "post_attention_layernorm",
             [&](const std::string& part, ValueId y) { return attention(part, y, layer); });
    residual("mlp", around ? "pre_feedforward_layernorm" : "post_attention_layernorm",
             "post_feedforward_layernorm", [&](const std::string& part, ValueId y) {
               return layer.has_experts ? experts(name, y) : feed_forward(part, y);
             });
    return x;
  }

  ValueId attention(const std::string& name, ValueId x, const LlamaLayer& layer) {
    const int64_t q_width = c_.heads * c_.head_dim, kv_width = c_.kv_heads * c_.head_dim;
    const int64_t all = q_width + 2 * kv_width;
    const std::string fused = c_.kind->fused ? name + ".qkv_proj" : "";
    ValueId q = part_of(name + ".q_proj", fused, x, {0, q_width, all});
    ValueId k = part_of(name + ".k_proj", fused, x, {q_width, q_width + kv_width, all});
    const ValueId v = part_of(name + ".v_proj", fused, x, {q_width + kv_width, all, all});
    q = turned(name + ".q", query_key_norm(name + ".q_norm", q), c_.heads, layer);
    k = turned(name + ".k", query_key_norm(name + ".k_norm", k), c_.kv_heads, layer);
    const ValueId context = builder_.attention(name, q, k, v,
                                               {.heads = c_.heads,
                                                .kv_heads = c_.kv_heads,
                                                .head_dim = c_.head_dim,
                                                .causal = c_.causal,
                                                .scale = c_.scale,
                                                .window = layer.window,
                                                .soft_cap = c_.attention_cap});
    return linear(name + ".o_proj", context, c_.width, c_.output_bias);
  }

  ValueId turned(const std::string& name, ValueId x, int64_t heads, const LlamaLayer& layer) {
    if (!layer.turned) return x;
    const ValueId angles = layer.is_local ? local_angles_ : angles_;
    return builder_.rotary(name + ".rotary", x, angles, {heads, c_.head_dim});
  }

  ValueId query_key_norm(const std::string& name, ValueId x) {
    if (c_.kind->query_key_norm == QueryKeyNorm::kNone) return x;
    const bool whole = c_.kind->query_key_norm == QueryKeyNorm::kWhole;
    return norm(name, x, whole ? builder_.value(x).features : c_.head_dim);
  }

  ValueId feed_forward(const std::string& name, ValueId x) {
    const std::string fused = c_.kind->fused ? name + ".gate_up_proj" : "";
    const int64_t both = 2 * c_.hidden;
    const ValueId gate = part_of(name + ".gate_proj", fused, x, {0, c_.hidden, both}, c_.mlp_bias);
    const ValueId up = part_of(name + ".up_proj", fused, x, {c_.hidden, both, both}, c_.mlp_bias);
    const ValueId active = builder_.activation(name + ".act", gate, c_.activation);
    const ValueId gated = builder_.mul(name + ".gate", active, up);
    return linear(name + ".down_proj", gated, c_.width, c_.mlp_bias);
  }

  /// A mixture of experts: those with the largest probabilities, and their weighted sum. Mixtral
  /// calls them otherwise than its GGUF and Qwen do.
  ValueId experts(const std::string& layer, ValueId x) {
    const bool mixtral = tensors_.has(prefix_ + layer + ".block_sparse_moe.gate.weight");
    const std::string name = layer + (mixtral ? ".block_sparse_moe" : ".mlp");
    const ValueId scores = linear(name + ".gate", x, c_.experts, /*has_bias=*/false);
    const ValueId routes =
        builder_.top_experts(name + ".routes", builder_.softmax(name + ".gate.softmax", scores),
                             {c_.top_experts, c_.normalize_experts});
    const auto into = [&](const char* part) {
      return expert_linear(name, part, x, routes, {c_.expert_hidden, c_.width});
    };
    const ValueId gate = into(mixtral ? "w1" : "gate_proj");
    const ValueId up = into(mixtral ? "w3" : "up_proj");
    const ValueId active = builder_.activation(name + ".act", gate, c_.activation);
    const ValueId gated = builder_.mul(name + ".gated", active, up);
    const ValueId out = expert_linear(name, mixtral ? "w2" : "down_proj", gated, routes,
                                      {c_.width, c_.expert_hidden}, /*per_expert=*/true);
    return builder_.mix_experts(name + ".mix", out, routes);
  }

  /// `shape`: of each expert's weight.
  ValueId expert_linear(const std::string& name, const std::string& part, ValueId x, ValueId routes,
                        const Shape& shape, bool per_expert = false) {
    graph::ExpertsSpec spec{.experts = c_.experts, .per_expert = per_expert};
    spec.weights = expert_weights(name + ".experts.", part, shape);
    return builder_.expert_linear(name + ".experts." + part, x, routes, shape[0], spec);
  }

  /// A tensor for each expert, or one of all of them (GGUF).
  std::vector<std::string> expert_weights(const std::string& experts, const std::string& part,
                                          const Shape& shape) {
    const std::string all = prefix_ + experts + part + ".weight";
    if (tensors_.has(all)) {
      return {tensors_.expect_reshaped(all, {c_.experts, shape[0], shape[1]},
                                       {c_.experts * shape[0], shape[1]})};
    }
    const auto of = [&](int64_t expert) {
      return prefix_ + experts + std::to_string(expert) + "." + part + ".weight";
    };
    std::vector<std::string> weights;
    for (int64_t e = 0; e < c_.experts; ++e) weights.push_back(tensors_.expect(of(e), shape));
    return weights;
  }

  /// A linear of its own, or if `fused` names a tensor, one of some of its rows.
  ValueId part_of(const std::string& name, const std::string& fused, ValueId x, const Rows& rows) {
    return part_of(name, fused, x, rows, c_.attention_bias);
  }
  ValueId part_of(const std::string& name, const std::string& fused, ValueId x, const Rows& rows,
                  bool has_bias) {
    if (fused.empty()) return linear(name, x, rows.end - rows.begin, has_bias);
    const Shape whole = {rows.of, builder_.value(x).features};
    const std::string weight =
        tensors_.expect_rows(prefix_ + fused + ".weight", whole, rows.begin, rows.end);
    return builder_.linear(name, x, rows.end - rows.begin, {weight, ""});
  }

  ValueId linear(const std::string& name, ValueId x, int64_t out_features, bool has_bias) {
    const Shape shape = {out_features, builder_.value(x).features};
    graph::Affine affine{tensors_.expect(prefix_ + name + ".weight", shape), ""};
    if (has_bias) affine.bias = tensors_.expect(prefix_ + name + ".bias", {out_features});
    return builder_.linear(name, x, out_features, affine);
  }

  /// Gemma stores what is added to 1.
  ValueId norm(const std::string& name, ValueId x, int64_t features) {
    const std::string stored = prefix_ + name + ".weight";
    if (!c_.kind->gemma) {
      return builder_.rms_norm(name, x, tensors_.expect(stored, {features}), c_.eps);
    }
    TensorPart part;
    part.shape = {features};
    part.compute = [](std::span<const float> weight, std::span<float> made) {
      std::ranges::transform(weight, made.begin(), [](float w) { return 1.0f + w; });
    };
    const std::string weight =
        tensors_.expect_computed(stored, {features}, name + ".one_plus_weight", std::move(part));
    return builder_.rms_norm(name, x, weight, c_.eps);
  }

  const LlamaConfig& c_;
  const std::string embedding_;
  const std::string prefix_;
  ModuleTensors& tensors_;
  graph::Builder builder_;
  ValueId ids_ = -1;
  ValueId angles_ = -1;
  ValueId local_angles_ = -1;
};

Result<FamilyModel> build_llama(const FamilyInput& input) {
  LW_ASSIGN_OR_RETURN(const LlamaConfig config, read_llama_config(input));
  LW_ASSIGN_OR_RETURN(const std::string prefix,
                      find_prefix(input.checkpoint, kLlamaAnchor, "model."));
  LW_ASSIGN_OR_RETURN(const DecoderForm form,
                      decoder_form(input, config.kind->classes, outside_of_model(prefix)));
  FamilyModel model;
  model.leftovers = rotary_leftovers(prefix, std::ssize(config.layers), "self_attn");
  LW_ASSIGN_OR_RETURN(const DecoderTables tables,
                      find_decoder_tables(input, form, config.tied_head,
                                          {prefix + "embed_tokens.weight",
                                           outside_of_model(prefix) + "lm_head.weight"},
                                          model.leftovers));
  LW_ASSIGN_OR_RETURN(ModuleTensors tensors, ModuleTensors::create(input.config, input.checkpoint));
  LlamaWriter writer(config, tables.embedding, prefix, tensors);
  const ValueId x = writer.write();
  if (form == DecoderForm::kLogits) writer.write_logits(x, tables.head);
  LW_RETURN_IF_ERROR(finish_decoder(input, form, writer.builder(), x,
                                    {.model_type = config.kind->model_type,
                                     .vocabulary = config.vocabulary,
                                     .max_tokens = config.max_positions,
                                     .tokens = config.kind->tokens},
                                    model));
  std::move(tensors).move_into(model);
  return model;
}

}  // namespace

const Family& llama_family() {
  static constexpr ModelType kModelTypes[] = {
      {"llama"}, {"mistral"}, {"ministral"}, {"qwen2"},       {"qwen3"},   {"smollm3"},
      {"phi3"},  {"olmo2"},   {"gemma2"},    {"gemma3_text"}, {"mixtral"}, {"qwen3_moe"}};
  static const Family family = {"llama", kModelTypes, build_llama, /*has_encoder_form=*/true};
  return family;
}

}  // namespace lanewise::converters
