#include "converters/families/encoder_writer.hpp"

#include <algorithm>
#include <span>

namespace lanewise::converters {

using graph::Affine;
using graph::RowSymbol;
using graph::ValueId;

PostNormModules bert_layer(const std::string& name) {
  const std::string self = name + ".attention.self";
  return {.attention = AttentionModules{self, self + ".query", self + ".key", self + ".value"},
          .attention_output = name + ".attention.output.dense",
          .attention_norm = name + ".attention.output.LayerNorm",
          .up = name + ".intermediate.dense",
          .down = name + ".output.dense",
          .norm = name + ".output.LayerNorm"};
}

PostNormModules gated_layer(const std::string& name) {
  const std::string self = name + ".self_attn";
  const std::string mlp = name + ".mlp";
  return {.attention = AttentionModules{.node = self,
                                        .query = self + ".q_proj",
                                        .key = self + ".k_proj",
                                        .value = self + ".v_proj",
                                        .bias = false},
          .attention_output = self + ".o_proj",
          .attention_norm = name + ".post_attention_layernorm",
          .norm = name + ".post_mlp_layernorm",
          .gated =
              GatedModules{
                  .gate = mlp + ".gate_proj", .up = mlp + ".up_proj", .down = mlp + ".down_proj"},
          .output_bias = false};
}

ValueId EncoderWriter::embed(const EmbeddingTables& tables) {
  ids_ = builder_.input("input_ids", RowSymbol::kSourceTokens);
  const auto table = [&](const std::string& name, int64_t rows) {
    return tensors_.expect(prefix_ + name + ".weight", {rows, tables.features});
  };
  graph::EmbedSpec spec;
  spec.table = table(tables.words, c_.vocabulary);
  if (!tables.positions.empty()) {
    spec.position_table = table(tables.positions, c_.positions);
    spec.attributes.set("position", std::string("learned"));
    spec.attributes.set("max_positions", c_.positions - tables.position_offset);
    if (tables.position_offset > 0) {
      spec.attributes.set("position_offset", tables.position_offset);
    }
  }
  ValueId types = -1;
  if (!tables.types.empty() && c_.token_types > 0) {
    types = builder_.input("token_type_ids", RowSymbol::kSourceTokens);
    spec.type_table = table(tables.types, c_.token_types);
  }
  return builder_.embed("embeddings", ids_, types, tables.features, spec);
}

ValueId EncoderWriter::angles(const std::string& name, const RotaryFrequencies& rotary) {
  return write_rotary_angles(name, ids_, rotary, builder_, tensors_);
}

ValueId EncoderWriter::linear(const std::string& name, ValueId x, int64_t out, bool bias) {
  const std::string module = prefix_ + name;
  Affine affine{tensors_.expect(module + ".weight", {out, builder_.value(x).features}), ""};
  if (bias) affine.bias = tensors_.expect(module + ".bias", {out});
  return builder_.linear(node(name), x, out, affine);
}

ValueId EncoderWriter::rows_of(const std::string& name, const std::string& packed, ValueId x,
                               std::pair<int64_t, int64_t> begin_out, int64_t rows, bool bias) {
  const auto [begin, out] = begin_out;
  const std::string module = prefix_ + packed;
  const Shape whole = {rows, builder_.value(x).features};
  Affine affine{tensors_.expect_rows(module + ".weight", whole, begin, begin + out), ""};
  if (bias) affine.bias = tensors_.expect_rows(module + ".bias", {rows}, begin, begin + out);
  return builder_.linear(node(name), x, out, affine);
}

ValueId EncoderWriter::norm(const std::string& name, ValueId x, bool bias) {
  const std::string module = prefix_ + name;
  const Shape shape = {builder_.value(x).features};
  const bool old =
      tensors_.find(module + ".weight") == nullptr && tensors_.find(module + ".gamma") != nullptr;
  Affine affine{tensors_.expect(module + (old ? ".gamma" : ".weight"), shape), ""};
  if (bias) affine.bias = tensors_.expect(module + (old ? ".beta" : ".bias"), shape);
  return builder_.layer_norm(node(name), x, affine, c_.eps);
}

ValueId EncoderWriter::add_and_norm(const std::string& norm_name, ValueId y, ValueId x) {
  return norm(norm_name, builder_.add(node(norm_name) + ".add", y, x));
}

ValueId EncoderWriter::turned(const std::string& name, ValueId x, const EncoderAttention& how) {
  if (how.angles < 0) return x;
  return builder_.rotary(node(name) + ".rotary", x, how.angles,
                         {.heads = builder_.value(x).features / c_.head_dim(),
                          .head_dim = c_.head_dim(),
                          .interleaved = how.interleaved});
}

ValueId EncoderWriter::attention(const AttentionModules& modules, ValueId x,
                                 const EncoderAttention& how) {
  const int64_t heads = how.heads > 0 ? how.heads : c_.heads;
  const int64_t width = heads * c_.head_dim();
  int64_t part = 0;
  const auto project = [&](const std::string& name) {
    const int64_t begin = width * part++;
    if (modules.packed.empty()) return linear(name, x, width, modules.bias);
    return rows_of(name, modules.packed, x, {begin, width}, 3 * width, modules.bias);
  };
  ValueId q = project(modules.query);
  ValueId k = project(modules.key);
  ValueId v = project(modules.value);
  if (how.query_key_norms) {
    q = norm(modules.node + ".layer_norm_q", q);
    k = norm(modules.node + ".layer_norm_k", k);
  }
  q = turned(modules.query, q, how);
  k = turned(modules.key, k, how);
  if (how.turn_values) v = turned(modules.value, v, how);
  return builder_.attention(node(modules.node), q, k, v,
                            {.heads = heads,
                             .kv_heads = heads,
                             .head_dim = c_.head_dim(),
                             .window = how.window,
                             .relative_bias = how.relative_bias});
}

ValueId EncoderWriter::feed_forward(const std::string& up, const std::string& down, ValueId x) {
  const ValueId hidden = linear(up, x, c_.intermediate);
  return linear(down, builder_.activation(node(up) + ".activation", hidden, c_.activation),
                c_.hidden);
}

ValueId EncoderWriter::gated_feed_forward(const GatedModules& modules, ValueId x) {
  const int64_t inner = c_.intermediate;
  const auto project = [&](const std::string& name, bool first) {
    if (modules.packed.empty()) return linear(name, x, inner, modules.bias);
    return rows_of(name, modules.packed, x, {first ? 0 : inner, inner}, 2 * inner, modules.bias);
  };
  const ValueId gate = builder_.activation(
      node(modules.gate) + ".activation", project(modules.gate, modules.gate_first), c_.activation);
  const ValueId up = project(modules.up, !modules.gate_first);
  const ValueId gated = builder_.mul(node(modules.down) + ".gated", gate, up);
  return linear(modules.down, gated, c_.hidden, modules.down_bias);
}

ValueId EncoderWriter::post_norm_layer(const PostNormModules& modules, ValueId x,
                                       const EncoderAttention& how) {
  const ValueId context = attention(modules.attention, x, how);
  const ValueId attended =
      linear(modules.attention_output, context, c_.hidden, modules.output_bias);
  x = add_and_norm(modules.attention_norm, attended, x);
  const ValueId fed = modules.gated.down.empty() ? feed_forward(modules.up, modules.down, x)
                                                 : gated_feed_forward(modules.gated, x);
  return add_and_norm(modules.norm, fed, x);
}

ValueId EncoderWriter::pooler(const std::string& dense, ValueId tokens) {
  const ValueId first = builder_.slice_rows("pooler.first", tokens, 0);
  const ValueId y =
      builder_.activation("pooler.activation", linear(dense, first, c_.hidden), "tanh");
  builder_.output("pooler_output", y);
  return y;
}

}  // namespace lanewise::converters
