// BART: Lewis et al. 2019, arXiv:1910.13461; mBART: Liu et al. 2020, arXiv:2001.08210; Marian:
// Junczys-Dowmunt et al. 2018, arXiv:1804.00344; M2M-100: Fan et al. 2020, arXiv:2010.11125, and
// NLLB: arXiv:2207.04672; Pegasus: Zhang et al. 2020, arXiv:1912.08777. Names as in Transformers'
// modeling_bart and its relatives.

#include "converters/families/bart_writer.hpp"

#include <cmath>
#include <utility>

namespace lanewise::converters {

using graph::Affine;
using graph::RowSymbol;
using graph::ValueId;

namespace {

constexpr double kEps = 1e-5;  // torch.nn.LayerNorm's: no config has a field for it

/// [rows, width], row r of position p = first + r: sin(p f_i), then cos(p f_i), f_i = 10000^(-i /
/// (width / 2 - 1)); a zero for an odd width. In f32 where fairseq computes in f32: at position
/// 1000 the rounding of an angle is 3e-5, and models were trained with it.
void fill_m2m100_table(int64_t width, int64_t first, std::span<float> table) {
  const int64_t half = width / 2;
  const int64_t rows = static_cast<int64_t>(table.size()) / width;
  const auto rate = static_cast<float>(-(std::log(10000.0) / static_cast<double>(half - 1)));
  for (int64_t i = 0; i < half; ++i) {
    const float exponent = static_cast<float>(i) * rate;
    const auto frequency = static_cast<float>(std::exp(static_cast<double>(exponent)));
    for (int64_t r = 0; r < rows; ++r) {
      const float angle = static_cast<float>(first + r) * frequency;
      float* row = table.data() + r * width;
      row[i] = static_cast<float>(std::sin(static_cast<double>(angle)));
      row[half + i] = static_cast<float>(std::cos(static_cast<double>(angle)));
      if (width % 2 == 1) row[width - 1] = 0.0F;
    }
  }
}

}  // namespace

graph::Graph BartWriter::write() {
  const ValueId ids = builder_.input("input_ids", RowSymbol::kSourceTokens);
  const ValueId decoder_ids = builder_.input("decoder_input_ids", RowSymbol::kTargetTokens);
  const ValueId memory = stack(c_.encoder, embed(c_.encoder, ids, tables_.encoder), nullptr);
  builder_.output("encoder_last_hidden_state", memory);
  const ValueId x = stack(c_.decoder, embed(c_.decoder, decoder_ids, tables_.decoder), &memory);
  builder_.output("logits", head(x));
  return std::move(builder_).take();
}

ValueId BartWriter::embed(const BartStack& stack, ValueId ids, const std::string& table) {
  graph::EmbedSpec spec;
  spec.table = tensors_.expect(table, {stack.vocabulary, c_.width});
  if (c_.scale_embedding) spec.attributes.set("scale", std::sqrt(static_cast<double>(c_.width)));
  set_positions(stack, spec);
  const ValueId x = builder_.embed(stack.name + ".embed", ids, -1, c_.width, spec);
  return c_.kind->embedding_norm ? norm(stack.name + ".layernorm_embedding", x) : x;
}

void BartWriter::set_positions(const BartStack& stack, graph::EmbedSpec& spec) {
  const std::string table = prefix_ + stack.name + ".embed_positions.weight";
  std::string position = "learned";
  switch (c_.kind->positions) {
    case BartPositions::kLearned:
      spec.position_table = tensors_.expect(table, {c_.positions + kLearnedOffset, c_.width});
      spec.attributes.set("position_offset", kLearnedOffset);
      break;
    case BartPositions::kMarian:
      if (tensors_.has(table)) {
        spec.position_table = tensors_.expect(table, {c_.positions, c_.width});
      } else {
        position = "sinusoidal";
        spec.attributes.set("sinusoidal_layout", std::string("halves"));
      }
      break;
    case BartPositions::kM2M100:
      spec.position_table = m2m100_positions();
      break;
  }
  spec.attributes.set("position", position);
  spec.attributes.set("max_positions", c_.positions);
}

/// The rows from pad_token_id + 1 on, where positions begin; the row of pad_token_id itself is
/// zero, for padding.
std::string BartWriter::m2m100_positions() {
  TensorPart part;
  part.shape = {c_.positions, c_.width};
  part.compute = [width = c_.width, first = c_.pad_token + 1](std::span<const float>,
                                                              std::span<float> table) {
    fill_m2m100_table(width, first, table);
  };
  return tensors_.expect_computed("", {}, "embed_positions", std::move(part));
}

/// x' = norm(x + block(x)), or x + block(norm(x)) with norm_first.
template <typename Block>
ValueId BartWriter::residual(const std::string& name, const std::string& norm_name, ValueId x,
                             Block block) {
  if (c_.kind->norm_first) return builder_.add(name + ".add", block(norm(norm_name, x)), x);
  return norm(norm_name, builder_.add(name + ".add", block(x), x));
}

ValueId BartWriter::stack(const BartStack& stack, ValueId x, const ValueId* memory) {
  for (int64_t i = 0; i < stack.layers; ++i) {
    x = layer(stack, stack.name + ".layers." + std::to_string(i), x, memory);
  }
  return c_.kind->final_norm ? norm(stack.name + ".layer_norm", x) : x;
}

ValueId BartWriter::layer(const BartStack& stack, const std::string& name, ValueId x,
                          const ValueId* memory) {
  const std::string self = name + ".self_attn";
  x = residual(self, self + "_layer_norm", x,
               [&](ValueId in) { return attention(stack, self, in, in, memory != nullptr); });
  if (memory != nullptr) {
    const std::string cross = name + ".encoder_attn";
    x = residual(cross, cross + "_layer_norm", x,
                 [&](ValueId in) { return attention(stack, cross, in, *memory, false); });
  }
  return residual(name, name + ".final_layer_norm", x,
                  [&](ValueId in) { return feed_forward(stack, name, in); });
}

ValueId BartWriter::attention(const BartStack& stack, const std::string& name, ValueId x,
                              ValueId memory, bool causal) {
  const ValueId q = linear(name + ".q_proj", x, c_.width);
  const ValueId k = linear(name + ".k_proj", memory, c_.width);
  const ValueId v = linear(name + ".v_proj", memory, c_.width);
  const ValueId context = builder_.attention(name, q, k, v,
                                             {.heads = stack.heads,
                                              .kv_heads = stack.heads,
                                              .head_dim = c_.width / stack.heads,
                                              .causal = causal});
  return linear(name + ".out_proj", context, c_.width);
}

ValueId BartWriter::feed_forward(const BartStack& stack, const std::string& name, ValueId x) {
  ValueId hidden = linear(name + ".fc1", x, stack.hidden);
  hidden = builder_.activation(name + ".activation", hidden, c_.activation);
  return linear(name + ".fc2", hidden, c_.width);
}

ValueId BartWriter::linear(const std::string& name, ValueId x, int64_t out_features) {
  const std::string full = prefix_ + name;
  const Affine tensors = {
      tensors_.expect(full + ".weight", {out_features, builder_.value(x).features}),
      tensors_.expect(full + ".bias", {out_features})};
  return builder_.linear(name, x, out_features, tensors);
}

ValueId BartWriter::norm(const std::string& name, ValueId x) {
  const std::string full = prefix_ + name;
  return builder_.layer_norm(
      name, x,
      {tensors_.expect(full + ".weight", {c_.width}), tensors_.expect(full + ".bias", {c_.width})},
      kEps);
}

ValueId BartWriter::head(ValueId x) {
  const int64_t vocabulary = c_.decoder.vocabulary;
  Affine tensors;
  tensors.weight = tensors_.expect(tables_.head, {vocabulary, c_.width});
  const std::string bias = outside_of_model(prefix_) + "final_logits_bias";
  if (c_.kind->logits_bias && tensors_.has(bias)) {
    tensors.bias = tensors_.expect_reshaped(bias, {1, vocabulary}, {vocabulary});
  }
  return builder_.linear("lm_head", x, vocabulary, tensors);
}

}  // namespace lanewise::converters
