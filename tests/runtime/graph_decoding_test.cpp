#include "runtime/graph/decoding.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "runtime/graph/builder.hpp"

namespace lanewise::graph {
namespace {

constexpr int64_t kWidth = 8;

/// An embedding, one layer of attention, and logits.
Graph decoder(const std::string& position, bool causal) {
  Builder builder;
  const ValueId ids = builder.input("input_ids", RowSymbol::kTokens);
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
  EXPECT_EQ(node(graphs->step, "attention").op, "cached_attention");
  EXPECT_EQ(graphs->step.nodes.back().name, "head");
}

TEST(SplitForDecoding, RefusesAttentionToLaterTokens) {
  const Result<DecodingGraphs> graphs = split_for_decoding(decoder("learned", false));
  EXPECT_EQ(graphs.status().code(), StatusCode::kUnsupported);
  EXPECT_NE(graphs.status().message().find("node 'attention'"), std::string::npos);
}

}  // namespace
}  // namespace lanewise::graph
