#include "runtime/graph/decoding.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "ops/attention/paged_operands.hpp"
#include "runtime/graph/builder.hpp"

namespace lanewise::graph {
namespace {

constexpr int64_t kWidth = 8;

/// An embedding, one layer of attention, and logits.
Graph decoder(const std::string& position, bool causal) {
  Builder builder;
  const ValueId ids = builder.input("input_ids", RowSymbol::kSourceTokens);
  EmbedSpec spec{.table = "table"};
  if (!position.empty()) spec.attributes.set("position", position);
  const ValueId x = builder.embed("embed", ids, -1, kWidth, spec);
  const ValueId q = builder.linear("q", x, kWidth, {"q.weight", ""});
  const ValueId k = builder.linear("k", x, kWidth, {"k.weight", ""});
  const ValueId v = builder.linear("v", x, kWidth, {"v.weight", ""});
  const ValueId context = builder.attention(
      "attention", q, k, v, {.heads = 2, .kv_heads = 2, .head_dim = 4, .causal = causal});
  builder.output("logits", builder.linear("head", context, 11, {"table", ""}));
  return std::move(builder).take();
}

const Node& node(const Graph& graph, std::string_view name) {
  return *std::ranges::find(graph.nodes, name, &Node::name);
}

TEST(SplitForDecoding, GivesPositionsToEmbeddingsThatHaveSome) {
  const Result<DecodingGraphs> learned = split_for_decoding(decoder("learned", true));
  ASSERT_TRUE(learned.ok()) << learned.status().message();
  const Node& embed = node(learned->step, "embed");
  ASSERT_EQ(embed.inputs.size(), 2U);
  EXPECT_EQ(embed.inputs[1], learned->step.find_input(kStepPositions));
  EXPECT_TRUE(*embed.attributes.get_bool("has_positions", false));
  for (const char* none : {"", "none"}) {
    const Result<DecodingGraphs> plain = split_for_decoding(decoder(none, true));
    ASSERT_TRUE(plain.ok()) << plain.status().message();
    EXPECT_EQ(node(plain->step, "embed").inputs.size(), 1U);
    EXPECT_FALSE(node(plain->step, "embed").attributes.has("has_positions"));
    EXPECT_TRUE(validate(plain->step).ok());
  }
}

TEST(SplitForDecoding, TakesTheLastRowBeforeTheHead) {
  const Result<DecodingGraphs> graphs = split_for_decoding(decoder("learned", true));
  ASSERT_TRUE(graphs.ok()) << graphs.status().message();
  EXPECT_EQ(graphs->caches, std::vector<std::string>{"attention.cache"});
  EXPECT_TRUE(graphs->memory.empty());
  const Value& logits = graphs->step.values[static_cast<size_t>(graphs->step.outputs.at("logits"))];
  EXPECT_EQ(logits.rows, RowSymbol::kSequences);
  EXPECT_EQ(node(graphs->step, "attention.append").op, "append_kv");
  EXPECT_EQ(node(graphs->step, "attention").op, "paged_attention");
  const Node& head = graphs->step.nodes.back();
  EXPECT_EQ(head.name, "head");
  const Node& taken = *graphs->step.producer(head.inputs[0]);
  EXPECT_EQ(taken.op, "slice_rows");
  EXPECT_EQ(*taken.attributes.get_int("index", 0), -1);
}

TEST(SplitForDecoding, GivesPagesTheirType) {
  const auto page_floats = [](ops::KvType type) {
    const auto graphs = split_for_decoding(decoder("learned", true), LogitRows::kLast, type);
    const Graph& step = graphs->step;
    for (const char* name : {"attention.append", "attention"}) {
      EXPECT_EQ(*node(step, name).attributes.get_string("cache_type", "f32"), ops::name_of(type));
    }
    EXPECT_TRUE(validate(step).ok());
    return step.values[static_cast<size_t>(step.find_input("attention.cache"))].features;
  };
  const int64_t f32 = page_floats(ops::KvType::kF32);
  EXPECT_EQ(page_floats(ops::KvType::kBf16), f32 / 2);
  EXPECT_LT(page_floats(ops::KvType::kInt8), f32 / 2);
}

TEST(SplitForDecoding, TakesTheLastRowBeforeAllThatLogitsAloneNeed) {
  Builder builder;
  const ValueId ids = builder.input("input_ids", RowSymbol::kSourceTokens);
  const ValueId angles = builder.rotary_angles("angles", ids, 2, {.frequencies = "frequencies"});
  const ValueId x = builder.embed("embed", ids, -1, kWidth, {.table = "table"});
  const ValueId q = builder.rotary("turn", x, angles, {2, 4});
  const ValueId y = builder.attention("attention", q, x, x,
                                      {.heads = 2, .kv_heads = 2, .head_dim = 4, .causal = true});
  const ValueId sum = builder.add("sum", x, y);
  const ValueId last = builder.rms_norm("norm", sum, "norm.weight", 1e-6);
  const ValueId head = builder.linear("head", last, 11, {"table", ""});
  builder.output("logits", builder.soft_cap("cap", head, 30));
  const Result<DecodingGraphs> graphs = split_for_decoding(std::move(builder).take());
  ASSERT_TRUE(graphs.ok()) << graphs.status().message();
  const Graph& step = graphs->step;
  EXPECT_TRUE(validate(step).ok()) << validate(step).message();
  for (const char* name : {"norm", "head", "cap"}) {
    EXPECT_EQ(step.values[static_cast<size_t>(node(step, name).output)].rows,
              RowSymbol::kSequences);
  }
  const Node& taken = *step.producer(node(step, "norm").inputs[0]);
  EXPECT_EQ(taken.op, "slice_rows");
  EXPECT_EQ(step.producer(taken.inputs[0])->name, "sum");
  EXPECT_EQ(step.outputs.at("logits"), node(step, "cap").output);
  EXPECT_EQ(node(step, "angles").inputs,
            (std::vector<ValueId>{step.find_input("input_ids"), step.find_input(kStepPositions)}));
}

TEST(SplitForDecoding, RefusesAttentionToLaterTokens) {
  const Result<DecodingGraphs> graphs = split_for_decoding(decoder("learned", false));
  EXPECT_EQ(graphs.status().code(), StatusCode::kUnsupported);
  EXPECT_NE(graphs.status().message().find("node 'attention'"), std::string::npos);
}

/// An encoder and a decoder of one GRU each, with attention.
Graph recurrent(bool reverse_decoder) {
  Builder builder;
  const ValueId ids = builder.input("input_ids", RowSymbol::kSourceTokens);
  const ValueId decoder_ids = builder.input("decoder_input_ids", RowSymbol::kTargetTokens);
  const auto layer = [&](const std::string& name, ValueId tokens, bool reverse, ValueId initial) {
    const ValueId x = builder.embed(name + ".embed", tokens, -1, kWidth, {.table = "table"});
    const ValueId gates = builder.linear(name + ".gates", x, 3 * kWidth, {"ih", ""});
    return builder.recurrent(
        name, gates, {"hh", ""},
        {.op = "gru", .units = kWidth, .reverse = reverse, .initial = initial});
  };
  const ValueId memory = layer("encoder", ids, true, -1);
  const ValueId last = builder.slice_rows("last", memory, 0);
  const ValueId h = layer("decoder", decoder_ids, reverse_decoder, last);
  const ValueId context = builder.additive_attention("attention", h, memory, memory, "v");
  builder.output("logits", builder.linear("head", context, 11, {"table", ""}));
  return std::move(builder).take();
}

TEST(SplitForDecoding, KeepsStatesInACacheAndBeginsWithTheSourcesOwn) {
  const Result<DecodingGraphs> graphs = split_for_decoding(recurrent(false));
  ASSERT_TRUE(graphs.ok()) << graphs.status().message();
  const Graph& step = graphs->step;
  const Status valid = validate(step);
  EXPECT_TRUE(valid.ok()) << valid.message();
  EXPECT_EQ(graphs->caches, std::vector<std::string>{"decoder.cache"});
  EXPECT_EQ(graphs->memory, (std::vector<std::string>{"last", "encoder"}));
  const auto rows_of = [&](std::string_view input) {
    const ValueId id = step.find_input(input);
    return id < 0 ? RowSymbol::kSourceTokens : step.values[static_cast<size_t>(id)].rows;
  };
  EXPECT_EQ(rows_of("last"), RowSymbol::kSources);
  EXPECT_EQ(rows_of("encoder"), RowSymbol::kSourceTokens);
  EXPECT_EQ(rows_of("decoder.cache"), RowSymbol::kCache);
  EXPECT_EQ(rows_of(kStepSources), RowSymbol::kSequences);
  const Node& decoder = node(step, "decoder");
  EXPECT_EQ(decoder.op, "cached_gru");
  ASSERT_EQ(decoder.inputs.size(), 3U);
  EXPECT_EQ(step.producer(decoder.inputs[1])->op, "gather_rows");
  // The encoder is computed once, and no part of it in a step.
  EXPECT_TRUE(std::ranges::none_of(step.nodes, [](const Node& n) { return n.name == "encoder"; }));
  EXPECT_TRUE(
      std::ranges::any_of(graphs->encode.nodes, [](const Node& n) { return n.name == "encoder"; }));
}

TEST(SplitForDecoding, RefusesADecoderThatGoesBackwards) {
  const Result<DecodingGraphs> graphs = split_for_decoding(recurrent(true));
  EXPECT_EQ(graphs.status().code(), StatusCode::kUnsupported);
  EXPECT_NE(graphs.status().message().find("node 'decoder'"), std::string::npos);
}

TEST(SplitForDecoding, RefusesWhatNeedsAllTokens) {
  Builder builder;
  const ValueId ids = builder.input("input_ids", RowSymbol::kSourceTokens);
  const ValueId x = builder.embed("embed", ids, -1, kWidth, {.table = "table"});
  const ValueId pooled = builder.pool("pool", x, "mean");
  const ValueId gates = builder.linear("gates", x, 3 * kWidth, {"ih", ""});
  const ValueId h = builder.recurrent("gru", gates, {"hh", ""},
                                      {.op = "gru", .units = kWidth, .initial = pooled});
  builder.output("logits", builder.linear("head", h, 11, {"table", ""}));
  const Result<DecodingGraphs> graphs = split_for_decoding(std::move(builder).take());
  EXPECT_EQ(graphs.status().code(), StatusCode::kUnsupported);
  EXPECT_NE(graphs.status().message().find("node 'pool'"), std::string::npos);
}

}  // namespace
}  // namespace lanewise::graph
