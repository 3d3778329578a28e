#include "lanewise/attention.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "runtime/graph/passes/passes.hpp"
#include "tests/runtime/attention_model.hpp"

namespace lanewise::attention {
namespace {

using test::Parts;
using test::Rows;
using Ids = std::vector<int32_t>;

constexpr double kAttentionMapsTolerance = 1e-5;

AttentionMaps make(const Model& model) {
  Result<AttentionMaps> maps = AttentionMaps::create(model, {.threads = 2, .outputs = {}});
  EXPECT_TRUE(maps.ok()) << maps.status().message();
  return std::move(maps).value();
}

std::vector<AttentionMap> run(const Model& model, const Ids& ids, const Ids& target = {}) {
  AttentionMaps maps = make(model);
  Result<std::vector<AttentionMap>> found = maps.run(ids, target, {});
  EXPECT_TRUE(found.ok()) << found.status().message();
  if (!found.ok()) return {};
  int64_t count = 0;
  for (const AttentionMap& map : *found) count += map.heads * map.queries * map.keys;
  EXPECT_EQ(maps.count(static_cast<int64_t>(ids.size()), static_cast<int64_t>(target.size())),
            count);
  return std::move(*found);
}

void expect_weights(const AttentionMap& map, const std::vector<double>& expected) {
  ASSERT_EQ(map.weights.size(), expected.size()) << map.node;
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(map.weights[i], expected[i], kAttentionMapsTolerance) << map.node << " " << i;
  }
}

TEST(AttentionMaps, OfAnEncoder) {
  const Ids ids = {2, 8, 9, 11, 3};
  const std::vector<AttentionMap> maps = run(test::small_model(Parts::kEncoder), ids);
  ASSERT_EQ(maps.size(), 1u);
  EXPECT_EQ(maps[0].node, "encoder.0");
  EXPECT_EQ(maps[0].kind, AttentionKind::kEncoder);
  EXPECT_EQ(maps[0].layer, 0);
  EXPECT_EQ(maps[0].heads, test::kHeads);
  const Rows x = test::embed(test::source_table(), ids);
  expect_weights(maps[0], test::weigh(x, x, false));
}

TEST(AttentionMaps, OfADecoderAlone) {
  const Ids ids = {8, 9, 10, 20};
  const std::vector<AttentionMap> maps = run(test::small_model(Parts::kDecoder), ids);
  ASSERT_EQ(maps.size(), 1u);
  EXPECT_EQ(maps[0].kind, AttentionKind::kDecoder);
  const Rows x = test::embed(test::source_table(), ids);
  expect_weights(maps[0], test::weigh(x, x, true));
}

TEST(AttentionMaps, OfAnEncoderAndADecoder) {
  const Ids ids = {2, 8, 9, 11, 3}, target = {2, 13, 14};
  const std::vector<AttentionMap> maps = run(test::small_model(Parts::kBoth), ids, target);
  ASSERT_EQ(maps.size(), 3u);
  EXPECT_EQ(maps[0].kind, AttentionKind::kEncoder);
  EXPECT_EQ(maps[1].kind, AttentionKind::kDecoder);
  EXPECT_EQ(maps[2].kind, AttentionKind::kCross);
  EXPECT_EQ(maps[2].queries, 3);
  EXPECT_EQ(maps[2].keys, 5);
  const Rows x = test::embed(test::source_table(), ids);
  const Rows y = test::embed(test::target_table(), target);
  Rows memory, mixed;
  expect_weights(maps[0], test::weigh(x, x, false, &memory));
  expect_weights(maps[1], test::weigh(y, y, true, &mixed));
  expect_weights(maps[2], test::weigh(mixed, memory, false));
}

TEST(AttentionMaps, ARunLeavesNothingForTheNext) {
  AttentionMaps maps = make(test::small_model(Parts::kEncoder));
  const auto first = maps.run(Ids{2, 8, 3}, {}, {});
  ASSERT_TRUE(maps.run(Ids{2, 9, 9, 9, 9, 3}, {}, {}).ok());
  const auto again = maps.run(Ids{2, 8, 3}, {}, {});
  ASSERT_TRUE(first.ok() && again.ok());
  EXPECT_EQ(first->at(0).weights, again->at(0).weights);
}

TEST(AttentionMaps, RefusesWhatTheModelCannotTake) {
  AttentionMaps maps = make(test::small_model(Parts::kBoth));
  const auto message = [&](const Ids& ids, const Ids& target) {
    const Status status = maps.run(ids, target, {}).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    return status.message();
  };
  EXPECT_NE(message({2, 29}, {2}).find("29"), std::string::npos);
  EXPECT_NE(message({2}, {2, -1}).find("decoder_input_ids"), std::string::npos);
  EXPECT_NE(message({}, {2}).find("input_ids"), std::string::npos);
  EXPECT_NE(message({2}, Ids(8, 2)).find("8"), std::string::npos);
}

TEST(AttentionMaps, RefusesMoreThanCanBeShown) {
  graph::Graph graph = test::small_graph(Parts::kEncoder);
  for (int i = 1; i < 3; ++i) {
    graph.nodes.push_back(graph.nodes.back());
    graph.nodes.back().name = "encoder." + std::to_string(i);
    graph.nodes.back().output = static_cast<graph::ValueId>(graph.values.size());
    graph.values.push_back(graph.values.back());
    graph.values.back().name = graph.nodes.back().name;
    graph.outputs[graph.nodes.back().name] = graph.nodes.back().output;
  }
  AttentionMaps maps = make(test::small_model(Parts::kEncoder, graph));
  EXPECT_GT(maps.count(2000, 0), kMostAttentionWeights);
  const Status status = maps.run(Ids(2000, 8), {}, {}).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find(std::to_string(3 * 2 * 2000 * 2000)), std::string::npos);
}

TEST(AttentionMaps, RefusesAModelWithoutAttention) {
  graph::Graph graph = test::small_graph(Parts::kEncoder);
  graph.outputs = {{"last_hidden_state", graph.nodes.front().output}};
  graph = graph::remove_dead(graph);
  const Status status =
      AttentionMaps::create(test::small_model(Parts::kEncoder, graph), {}).status();
  EXPECT_EQ(status.code(), StatusCode::kUnsupported);
}

TEST(AttentionMaps, CanBeCancelled) {
  AttentionMaps maps = make(test::small_model(Parts::kEncoder));
  const std::atomic<bool> cancel{true};
  EXPECT_EQ(maps.run(Ids{2, 3}, {}, {.cancel = &cancel}).status().code(), StatusCode::kCancelled);
}

Result<TextAttention> of_text(Parts parts, std::string_view text,
                              std::optional<std::string_view> target = std::nullopt) {
  return attention_of_text(test::small_model(parts), text, target, {.outputs = {}}, {});
}

using Names = std::vector<std::string>;

TEST(TextAttention, NamesTheTokens) {
  const Result<TextAttention> found = of_text(Parts::kEncoder, "Unaffable world, \xE4\xB8\xAD!");
  ASSERT_TRUE(found.ok()) << found.status().message();
  EXPECT_EQ(found->source,
            (Names{"[CLS]", "un", "##aff", "##able", "world", ",", "\xE4\xB8\xAD", "!", "[SEP]"}));
  EXPECT_TRUE(found->target.empty());
  ASSERT_EQ(found->maps.size(), 1u);
  EXPECT_EQ(found->maps[0].keys, 9);
}

TEST(TextAttention, TheDecoderIsGivenWhatItWrites) {
  const Result<TextAttention> found = of_text(Parts::kBoth, "hello world");
  ASSERT_TRUE(found.ok()) << found.status().message();
  // The model has no end token, so it generates up to the limit.
  ASSERT_EQ(found->target.size(), 7u);
  EXPECT_EQ(found->target[0], "[CLS]");
  ASSERT_EQ(found->maps.size(), 3u);
  EXPECT_EQ(found->maps[1].queries, 7);

  Ids ids, target;
  const auto& vocabulary = text::tiny_vocabulary();
  const auto id_of = [&](const std::string& name) {
    return static_cast<int32_t>(std::find(vocabulary.begin(), vocabulary.end(), name) -
                                vocabulary.begin());
  };
  for (const std::string& name : found->source) ids.push_back(id_of(name));
  for (const std::string& name : found->target) target.push_back(id_of(name));
  const std::vector<AttentionMap> maps = run(test::small_model(Parts::kBoth), ids, target);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(found->maps[i].weights, maps[i].weights);
}

TEST(TextAttention, ATargetMayBeGiven) {
  const Result<TextAttention> found = of_text(Parts::kBoth, "hello", "cafe world");
  ASSERT_TRUE(found.ok()) << found.status().message();
  EXPECT_EQ(found->target, (Names{"[CLS]", "cafe", "world"}));
  EXPECT_EQ(found->written, "cafe world");
  EXPECT_EQ(of_text(Parts::kEncoder, "hello", "world").status().code(), StatusCode::kUnsupported);
}

TEST(TextAttention, SaysWhatIsWrongWithATextThatItCannotShow) {
  const auto message = [](std::string_view text) {
    const Status status = of_text(Parts::kEncoder, text).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    return status.message();
  };
  EXPECT_EQ(message(""), "the text has no tokens");
  EXPECT_EQ(message(" \n"), "the text has no tokens");
  EXPECT_NE(message("\xFF").find("UTF-8"), std::string::npos);
  std::string text;
  for (int i = 0; i < 510; ++i) text += "a ";
  const Result<TextAttention> longest = of_text(Parts::kEncoder, text);
  ASSERT_TRUE(longest.ok()) << longest.status().message();
  EXPECT_EQ(longest->source.size(), 512u);
  text += "a ";
  EXPECT_NE(message(text).find("has 513 tokens; attention is shown for up to 512"),
            std::string::npos);
  const Status status =
      attention_of_text(
          test::small_model(Parts::kEncoder, test::small_graph(Parts::kEncoder), false), "hello",
          std::nullopt, {.outputs = {}}, {})
          .status();
  EXPECT_EQ(status.code(), StatusCode::kUnsupported);
  EXPECT_NE(status.message().find("tokenizer"), std::string::npos);
}

}  // namespace
}  // namespace lanewise::attention
