// torch.nn.TransformerEncoderLayer and TransformerDecoderLayer: Vaswani et al. 2017,
// arXiv:1706.03762; with norm_first Xiong et al. 2020, arXiv:2002.04745.

#include "converters/families/torch_layers.hpp"

#include <algorithm>
#include <cmath>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/families/activation_names.hpp"
#include "converters/families/family.hpp"

namespace lanewise::converters {

using base::in_quotes;
using graph::Affine;
using graph::ValueId;

namespace {

// The size of the table in PyTorch's tutorials.
constexpr int64_t kDefaultPositions = 5000;
constexpr int64_t kTorchLayersMaxPositions = INT32_MAX;

/// The number of positions in a table of that shape; 0 if it is not one.
int64_t positions_of(const Shape& shape, int64_t features) {
  if (shape.empty() || shape.back() != features) return 0;
  if (shape.size() == 2) return shape[0];
  if (shape.size() != 3 || (shape[0] != 1 && shape[1] != 1)) return 0;
  return std::max(shape[0], shape[1]);
}

Result<TorchPositions> stored_positions(const CheckpointTensor& table, ModuleTensors& tensors,
                                        const std::string& name, int64_t features) {
  const int64_t count = positions_of(table.shape, features);
  if (count >= 1 && count <= kTorchLayersMaxPositions) {
    return TorchPositions{tensors.expect_reshaped(name, table.shape, {count, features}), count};
  }
  const std::string width = std::to_string(features);
  return invalid_argument("tensor " + in_quotes(table.name) +
                          ": expected a table of positions [length, 1, " + width +
                          "], [1, length, " + width + "] or [length, " + width + "], file has " +
                          to_string(table.shape));
}

}  // namespace

Result<TorchLayerConfig> read_torch_layers(const Config& config, int64_t features) {
  TorchLayerConfig c;
  c.features = features;
  LW_RETURN_IF_ERROR(expect_agreement(config, "d_model", features, "the embedding"));
  if (!config.has("nhead"))
    return config.wrong("nhead", "a value, because no tensor determines it");
  LW_ASSIGN_OR_RETURN(c.heads, config.integer("nhead", 0, 1, features));
  LW_ASSIGN_OR_RETURN(c.activation, activation_name(config, "activation", "relu"));
  LW_ASSIGN_OR_RETURN(c.norm_first, config.boolean("norm_first", false));
  LW_ASSIGN_OR_RETURN(c.scale_embedding, config.boolean("scale_embedding", true));
  LW_ASSIGN_OR_RETURN(c.eps, config.number("layer_norm_eps", 1e-5, 0, 1));
  if (features % c.heads == 0) return c;
  return invalid_argument(config.label() + ": the embedding's " + std::to_string(features) +
                          " features are not a multiple of 'nhead' " + std::to_string(c.heads));
}

Result<TorchPositions> read_torch_positions(const Config& config, ModuleTensors& tensors,
                                            const std::string& name, int64_t features) {
  LW_ASSIGN_OR_RETURN(const int64_t length,
                      config.integer("max_length", kDefaultPositions, 1, kTorchLayersMaxPositions));
  if (!tensors.has(name)) {
    LW_RETURN_IF_ERROR(check_made_positions(config, "max_length", length, features));
    return TorchPositions{"", length};
  }
  const CheckpointTensor* table = tensors.find(name);
  if (table == nullptr) return TorchPositions{tensors.expect(name, {length, features}), length};
  LW_ASSIGN_OR_RETURN(TorchPositions positions, stored_positions(*table, tensors, name, features));
  if (!config.has("max_length")) return positions;
  if (length > positions.count) {
    return config.wrong("max_length", "at most the " + std::to_string(positions.count) +
                                          " positions of " + in_quotes(tensors.file_name(name)));
  }
  positions.count = length;
  return positions;
}

Status expect_agreement(const Config& config, const std::string& field, int64_t found,
                        const std::string& what) {
  const Result<int64_t> said = config.integer(field, found, found, found);
  if (said.ok()) return {};
  return config.wrong(field, std::to_string(found) + ", as " + what + " has");
}

Status expect_layer_agreement(const Config& config, ModuleTensors& tensors,
                              const std::string& stack) {
  const std::string first = stack + ".layers.0.";
  LW_RETURN_IF_ERROR(expect_agreement(config, "dim_feedforward",
                                      tensors.rows(first + "linear1.weight"),
                                      in_quotes(tensors.file_name(first + "linear1.weight"))));
  const bool found = tensors.has(first + "linear1.bias");
  LW_ASSIGN_OR_RETURN(const bool said, config.boolean("bias", found));
  if (said == found) return {};
  return config.wrong("bias",
                      found ? "true: the layers have biases" : "false: the layers have no biases");
}

ValueId TorchLayerWriter::embed(const std::string& name, ValueId ids, const std::string& table,
                                int64_t vocabulary, const TorchPositions& positions) {
  graph::EmbedSpec spec;
  spec.table = tensors_.expect(table, {vocabulary, c_.features});
  spec.position_table = positions.table;
  const bool stored = !positions.table.empty();
  spec.attributes.set("position", std::string(stored ? "learned" : "sinusoidal"));
  spec.attributes.set("max_positions", positions.count);
  if (c_.scale_embedding) {
    spec.attributes.set("scale", std::sqrt(static_cast<double>(c_.features)));
  }
  return builder_.embed(name, ids, -1, c_.features, spec);
}

ValueId TorchLayerWriter::encoder(const std::string& name, ValueId x, int64_t layers) {
  for (int64_t i = 0; i < layers; ++i) {
    x = encoder_layer(name + ".layers." + std::to_string(i), x);
  }
  return final_norm(name + ".norm", x);
}

ValueId TorchLayerWriter::decoder(const std::string& name, ValueId x, ValueId memory,
                                  int64_t layers) {
  for (int64_t i = 0; i < layers; ++i) {
    x = decoder_layer(name + ".layers." + std::to_string(i), x, memory);
  }
  return final_norm(name + ".norm", x);
}

ValueId TorchLayerWriter::linear(const std::string& name, ValueId x, int64_t out_features) {
  Affine tensors;
  tensors.weight = tensors_.expect(name + ".weight", {out_features, builder_.value(x).features});
  if (tensors_.has(name + ".bias")) tensors.bias = tensors_.expect(name + ".bias", {out_features});
  return builder_.linear(name, x, out_features, tensors);
}

/// x' = norm(x + block(x)), or x + block(norm(x)) with norm_first.
template <typename Block>
ValueId TorchLayerWriter::residual(const std::string& block_name, const std::string& norm_name,
                                   ValueId x, Block block) {
  const std::string add = block_name + ".add";
  if (c_.norm_first) return builder_.add(add, block(norm(norm_name, x)), x);
  return norm(norm_name, builder_.add(add, block(x), x));
}

ValueId TorchLayerWriter::encoder_layer(const std::string& name, ValueId x) {
  const std::string self = name + ".self_attn";
  x = residual(self, name + ".norm1", x,
               [&](ValueId in) { return attention(self, in, in, /*causal=*/false); });
  return residual(name, name + ".norm2", x, [&](ValueId in) { return feed_forward(name, in); });
}

ValueId TorchLayerWriter::decoder_layer(const std::string& name, ValueId x, ValueId memory) {
  const std::string self = name + ".self_attn";
  x = residual(self, name + ".norm1", x,
               [&](ValueId in) { return attention(self, in, in, /*causal=*/true); });
  const std::string cross = name + ".multihead_attn";
  x = residual(cross, name + ".norm2", x,
               [&](ValueId in) { return attention(cross, in, memory, /*causal=*/false); });
  return residual(name, name + ".norm3", x, [&](ValueId in) { return feed_forward(name, in); });
}

ValueId TorchLayerWriter::norm(const std::string& name, ValueId x) {
  Affine tensors;
  tensors.weight = tensors_.expect(name + ".weight", {c_.features});
  if (tensors_.has(name + ".bias")) tensors.bias = tensors_.expect(name + ".bias", {c_.features});
  return builder_.layer_norm(name, x, tensors, c_.eps);
}

/// The norm after all layers, which a stack may lack.
ValueId TorchLayerWriter::final_norm(const std::string& name, ValueId x) {
  return tensors_.has(name + ".weight") ? norm(name, x) : x;
}

/// One third of torch.nn.MultiheadAttention's in_proj, whose rows are queries, keys, values.
ValueId TorchLayerWriter::project(const std::string& attention, Projection which, ValueId x) {
  constexpr const char* kNames[] = {".q", ".k", ".v"};
  const int64_t begin = which * c_.features;
  const int64_t end = begin + c_.features;
  Affine tensors;
  tensors.weight = tensors_.expect_rows(attention + ".in_proj_weight",
                                        {3 * c_.features, c_.features}, begin, end);
  if (tensors_.has(attention + ".in_proj_bias")) {
    tensors.bias = tensors_.expect_rows(attention + ".in_proj_bias", {3 * c_.features}, begin, end);
  }
  return builder_.linear(attention + kNames[which], x, c_.features, tensors);
}

ValueId TorchLayerWriter::attention(const std::string& name, ValueId x, ValueId memory,
                                    bool causal) {
  const ValueId q = project(name, kQuery, x);
  const ValueId k = project(name, kKey, memory);
  const ValueId v = project(name, kValue, memory);
  const ValueId context = builder_.attention(name, q, k, v,
                                             {.heads = c_.heads,
                                              .kv_heads = c_.heads,
                                              .head_dim = c_.features / c_.heads,
                                              .causal = causal});
  return linear(name + ".out_proj", context, c_.features);
}

ValueId TorchLayerWriter::feed_forward(const std::string& name, ValueId x) {
  ValueId hidden = linear(name + ".linear1", x, tensors_.rows(name + ".linear1.weight"));
  hidden = builder_.activation(name + ".activation", hidden, c_.activation);
  return linear(name + ".linear2", hidden, c_.features);
}

}  // namespace lanewise::converters
