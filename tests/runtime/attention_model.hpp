#pragma once

/// Models of one layer whose attention a test can compute by hand: queries, keys and values are the
/// embeddings themselves. Encoders, decoders and both, with the tests' tokenizer.

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "runtime/file/sink.hpp"
#include "runtime/graph/builder.hpp"
#include "runtime/model_data.hpp"
#include "tests/runtime/text_tiny_vocabulary.hpp"

namespace lanewise::attention::test {

constexpr int64_t kHeads = 2;
constexpr int64_t kHeadDim = 8;
constexpr int64_t kFeatures = kHeads * kHeadDim;
constexpr int64_t kVocabulary = text::kTinySize;
constexpr int64_t kTargetTokens = 7;

/// i -> a fraction that no power of two divides.
inline Tensor fractions(const Shape& shape, int seed) {
  Tensor tensor(DataType::kF32, shape);
  const int64_t count = *element_count(shape);
  for (int64_t i = 0; i < count; ++i) {
    tensor.as<float>()[i] = static_cast<float>((i * 37 + seed) % 101 - 50) / 31.0f;
  }
  return tensor;
}

inline Tensor source_table() { return fractions({kVocabulary, kFeatures}, 0); }
inline Tensor target_table() { return fractions({kVocabulary, kFeatures}, 17); }

enum class Parts { kEncoder, kDecoder, kBoth };

inline graph::Graph small_graph(Parts parts) {
  using graph::RowSymbol;
  graph::Builder builder;
  const bool both = parts == Parts::kBoth;
  const graph::AttentionSpec self{
      .heads = kHeads, .kv_heads = kHeads, .head_dim = kHeadDim, .causal = false};
  graph::AttentionSpec causal = self;
  causal.causal = true;
  const auto ids = builder.input("input_ids", RowSymbol::kSourceTokens);
  const auto x = builder.embed("source", ids, -1, kFeatures, {.table = "source"});
  const bool writes = parts == Parts::kDecoder;
  auto top = builder.attention(writes ? "decoder.0" : "encoder.0", x, x, x, writes ? causal : self);
  if (both) {
    const auto written = builder.input("decoder_input_ids", RowSymbol::kTargetTokens);
    const auto y = builder.embed(
        "target", written, -1, kFeatures,
        {.table = "target",
         .type_table = "",
         .position_table = "positions",
         .attributes = {{"position", std::string("learned")}, {"max_positions", kTargetTokens}}});
    const auto mixed = builder.attention("decoder.0.self", y, y, y, causal);
    top = builder.attention("decoder.0.cross", mixed, top, top, self);
  }
  if (parts == Parts::kEncoder) {
    builder.output("last_hidden_state", top);
  } else {
    builder.output("logits", builder.linear("logits", top, kVocabulary, {"logits", ""}));
  }
  return std::move(builder).take();
}

/// `ids`: the number of ids that its inputs accept.
inline Model small_model(Parts parts, graph::Graph graph, bool with_tokenizer = true,
                         int64_t ids = kVocabulary) {
  ModelInfo info;
  info.family = "small";
  info.task = "test";
  info.vocabulary_size = ids;
  info.max_tokens = info.max_text_tokens = 2000;
  if (parts == Parts::kBoth) {
    info.target_vocabulary_size = ids;
    info.max_target_tokens = kTargetTokens;
    info.generation.decoder_start_token_id = text::kCls;
  }
  const file::Metadata metadata{
      {std::string(internal::kFormatKey), std::to_string(internal::kFormatVersion)},
      {std::string(internal::kFormatsKey), "{}"},
      {std::string(internal::kGraphKey), graph::to_json(graph)},
      {std::string(internal::kTaskKey), internal::task_to_json(info)}};
  const Tensor source = source_table(), target = target_table();
  const Tensor logits = fractions({(kVocabulary + 15) / 16, kFeatures, 16}, 5);
  // A decoder's embedding has positions; these change nothing.
  const Tensor positions(DataType::kF32, {kTargetTokens, kFeatures});
  const std::string tokenizer = text::tiny_json().dump();
  std::vector<file::SafetensorsInput> tensors{{"source", source.view()},
                                              {"target", target.view()},
                                              {"positions", positions.view()},
                                              {"logits", logits.view()}};
  if (with_tokenizer) {
    tensors.push_back(
        {std::string(internal::kTokenizerTensor),
         {DataType::kU8, tokenizer.data(), {static_cast<int64_t>(tokenizer.size())}}});
  }
  file::AlignedBuffer bytes;
  file::MemorySink sink(bytes);
  const Status written = file::write_safetensors(sink, metadata, tensors, 64);
  EXPECT_TRUE(written.ok()) << written.message();
  auto data = internal::ModelData::create(std::move(bytes), "small");
  EXPECT_TRUE(data.ok()) << data.status().message();
  return Model(std::move(data).value());
}

inline Model small_model(Parts parts) { return small_model(parts, small_graph(parts)); }

/// [rows, kFeatures] in double precision.
using Rows = std::vector<std::vector<double>>;

inline Rows embed(const Tensor& table, std::span<const int32_t> ids) {
  Rows rows;
  for (const int32_t id : ids) {
    const float* row = table.as<float>() + id * kFeatures;
    rows.emplace_back(row, row + kFeatures);
  }
  return rows;
}

/// The weights [heads, queries, keys] of queries and keys, and the outputs with the keys as values.
inline std::vector<double> weigh(const Rows& queries, const Rows& keys, bool causal,
                                 Rows* mixed = nullptr) {
  std::vector<double> all;
  if (mixed != nullptr) mixed->assign(queries.size(), std::vector<double>(kFeatures));
  for (size_t h = 0; h < kHeads; ++h) {
    for (size_t i = 0; i < queries.size(); ++i) {
      const size_t seen = causal ? i + 1 : keys.size();
      std::vector<double> row(keys.size());
      double sum = 0;
      for (size_t j = 0; j < seen; ++j) {
        double score = 0;
        for (size_t f = h * kHeadDim; f < (h + 1) * kHeadDim; ++f) {
          score += queries[i][f] * keys[j][f];
        }
        sum += row[j] = std::exp(score / std::sqrt(static_cast<double>(kHeadDim)));
      }
      for (size_t j = 0; j < keys.size(); ++j) {
        all.push_back(row[j] /= sum);
        if (mixed == nullptr) continue;
        for (size_t f = h * kHeadDim; f < (h + 1) * kHeadDim; ++f) {
          (*mixed)[i][f] += row[j] * keys[j][f];
        }
      }
    }
  }
  return all;
}

}  // namespace lanewise::attention::test
