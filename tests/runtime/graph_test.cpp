#include "runtime/graph/graph.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "runtime/graph/builder.hpp"

namespace lanewise::graph {
namespace {

/// One of everything: two inputs, every kind of attribute, several names in a role, two outputs.
Graph small_graph() {
  Builder builder;
  const ValueId ids = builder.input("input_ids", RowSymbol::kSourceTokens);
  const ValueId types = builder.input("token_type_ids", RowSymbol::kSourceTokens);
  const ValueId x = builder.embed("embeddings", ids, types, 8,
                                  {.table = "words",
                                   .type_table = "types",
                                   .position_table = "positions",
                                   .attributes = {{"position_offset", int64_t{2}}}});
  const ValueId y = builder.layer_norm("norm", x, {"norm.weight", "norm.bias"}, 1e-12);
  const ValueId h = builder.linear("head", y, 3, {"head.weight", ""});
  builder.output("logits", h);
  builder.output("sentence_embedding", builder.pool("pool", y, "mean"));
  Graph graph = std::move(builder).take();
  graph.nodes[2].weights["weight"] = {"a \"quoted\" name", "b"};
  return graph;
}

void expect_graph_equal(const Graph& a, const Graph& b) {
  ASSERT_EQ(a.values.size(), b.values.size());
  for (size_t i = 0; i < a.values.size(); ++i) {
    EXPECT_EQ(a.values[i].name, b.values[i].name);
    EXPECT_EQ(a.values[i].rows, b.values[i].rows);
    EXPECT_EQ(a.values[i].type, b.values[i].type);
    EXPECT_EQ(a.values[i].features, b.values[i].features);
  }
  ASSERT_EQ(a.nodes.size(), b.nodes.size());
  for (size_t i = 0; i < a.nodes.size(); ++i) {
    EXPECT_EQ(a.nodes[i].op, b.nodes[i].op);
    EXPECT_EQ(a.nodes[i].name, b.nodes[i].name);
    EXPECT_EQ(a.nodes[i].inputs, b.nodes[i].inputs);
    EXPECT_EQ(a.nodes[i].output, b.nodes[i].output);
    EXPECT_EQ(a.nodes[i].weights, b.nodes[i].weights);
    EXPECT_TRUE(std::equal(a.nodes[i].attributes.begin(), a.nodes[i].attributes.end(),
                           b.nodes[i].attributes.begin(), b.nodes[i].attributes.end()));
  }
  EXPECT_EQ(a.inputs, b.inputs);
  EXPECT_EQ(a.outputs, b.outputs);
}

Graph parsed(std::string_view json) {
  Result<Graph> graph = parse_graph(json);
  EXPECT_TRUE(graph.ok()) << graph.status().message();
  return graph.ok() ? std::move(*graph) : Graph();
}

TEST(Graph, KnowsInputsProducersAndUses) {
  const Graph graph = small_graph();
  EXPECT_EQ(graph.find_input("token_type_ids"), 1);
  EXPECT_EQ(graph.find_input("embeddings"), -1);
  EXPECT_EQ(graph.producer(0), nullptr);
  ASSERT_NE(graph.producer(3), nullptr);
  EXPECT_EQ(graph.producer(3)->name, "norm");
  EXPECT_EQ(graph.use_count(3), 2);
  EXPECT_EQ(graph.use_count(4), 1) << "an output of the graph is a use";
}

TEST(GraphJson, RoundTripKeepsEverything) {
  const Graph graph = small_graph();
  expect_graph_equal(parsed(to_json(graph)), graph);
}

TEST(GraphJson, RoundTripKeepsTypesAndBitsOfAttributes) {
  Graph graph = small_graph();
  graph.nodes[1].attributes = {{"eps", 1e-12},
                               {"third", 1.0 / 3},
                               {"one", 1.0},
                               {"large", 1e300},
                               {"tiny", std::numeric_limits<double>::denorm_min()},
                               {"zero", -0.0},
                               {"count", int64_t{1}},
                               {"least", std::numeric_limits<int64_t>::min()},
                               {"most", std::numeric_limits<int64_t>::max()},
                               {"flag", true},
                               {"text", std::string("a\"\\\n\xED\x95\x9C")}};
  const Graph read = parsed(to_json(graph));
  expect_graph_equal(read, graph);
  EXPECT_TRUE(std::signbit(*read.nodes[1].attributes.get_double("zero", 1)));
  EXPECT_TRUE(read.nodes[1].attributes.get_int("count", 0).ok());
  EXPECT_FALSE(read.nodes[1].attributes.get_int("one", 0).ok());
}

TEST(GraphJson, Reads) {
  EXPECT_EQ(to_json(parsed(R"({"values": [
      {"name": "input_ids", "rows": "source_tokens", "type": "I32", "features": 1},
      {"name": "e", "rows": "source_tokens", "type": "F32", "features": 4}],
    "inputs": [0],
    "nodes": [{"op": "embed", "name": "e", "inputs": [0], "output": 1,
               "weights": {"table": ["t"]}, "attributes": {"scale": 2.0}}],
    "outputs": {"last_hidden_state": 1}})")),
            R"({"values":[{"name":"input_ids","rows":"source_tokens","type":"I32","features":1},)"
            R"({"name":"e","rows":"source_tokens","type":"F32","features":4}],"inputs":[0],)"
            R"("nodes":[{"op":"embed","name":"e","inputs":[0],"output":1,)"
            R"("weights":{"table":["t"]},"attributes":{"scale":2.0}}],)"
            R"("outputs":{"last_hidden_state":1}})");
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

/// In files of format 1 the name `tokens` meant the encoder's or the decoder's, depending on
/// another input.
TEST(GraphJson, ReadsRowsOfFormat1) {
  const std::string one_stack = R"({"values": [
      {"name": "input_ids", "rows": "tokens", "type": "I32", "features": 1},
      {"name": "token_type_ids", "rows": "tokens", "type": "I32", "features": 1}],
    "inputs": [0, 1], "nodes": [], "outputs": {}})";
  EXPECT_EQ(parsed(one_stack).values[0].rows, RowSymbol::kSourceTokens);
  EXPECT_EQ(parsed(one_stack).values[1].rows, RowSymbol::kSourceTokens);
  const Graph both = parsed(replaced(replaced(one_stack, "token_type_ids", "decoder_input_ids"),
                                     "\"tokens\"", "\"memory_tokens\""));
  EXPECT_EQ(both.values[0].rows, RowSymbol::kSourceTokens);
  EXPECT_EQ(both.values[1].rows, RowSymbol::kTargetTokens);
}

TEST(GraphJson, DamageIsNamed) {
  const std::string good = to_json(small_graph());
  const struct {
    const char* from;
    const char* to;
    const char* message;
  } cases[] = {
      {"{\"values\"", "{\"value\"", "graph: value: this version does not know this field"},
      {"\"inputs\":[0,1]", "\"inputs\":null",
       "graph: inputs: expected an array of integers from 0 to 2147483647, found null"},
      {"\"inputs\":[0,1]", "\"inputs\":[0,1.5]",
       "graph: inputs: expected an array of integers from 0 to 2147483647, found an array with "
       "1.5"},
      {"\"inputs\":[0,1]", "\"inputs\":[0,-1]",
       "graph: inputs: expected an array of integers from 0 to 2147483647, found an array with -1"},
      {"\"inputs\":[0,1]", "\"inputs\":[0,99]", "graph: inputs: value 99 is none of the graph's 6"},
      {"\"inputs\":[0,1]", "\"inputs\":[0]",
       "graph: node 'embeddings': reads value 1 'token_type_ids' before it is written"},
      {"\"inputs\":[0,1]", "\"inputs\":{}",
       "graph: inputs: expected an array of integers from 0 to 2147483647, found an object"},
      {"\"features\":8", "\"features\":0",
       "graph: value 2 'embeddings': expected 1 to 2147483647 features, found 0"},
      {"\"features\":8", "\"features\":18446744073709551615",
       "graph: values[2].features: expected an integer from -9223372036854775808 to "
       "9223372036854775807, found 18446744073709551615"},
      {"\"rows\":\"source_tokens\"", "\"rows\":\"tokes\"",
       "graph: values[0].rows: expected 'source_tokens', 'sequences' or 'target_tokens', found "
       "'tokes'"},
      {"\"type\":\"F32\"", "\"type\":\"I32\"",
       "graph: node 'embeddings': writes a value that is not F32"},
      {"\"type\":\"F32\"", "\"type\":7", "graph: values[2].type: expected a string, found 7"},
      {"\"output\":3", "\"output\":2",
       "graph: node 'norm': writes value 2 'embeddings' a second time"},
      {"\"name\":\"norm\",\"inputs\"", "\"name\":\"embeddings\",\"inputs\"",
       "graph: node 'embeddings': duplicate name"},
      {"\"name\":\"norm\",\"inputs\"", "\"name\":\"\",\"inputs\"", "graph: node '': has no name"},
      {"\"inputs\":[2]", "\"inputs\":[4]",
       "graph: node 'norm': reads value 4 'head' before it is written"},
      {"\"inputs\":[2]", "\"inputs\":[]", "graph: node 'norm': has no inputs"},
      {"\"bias\":[\"norm.bias\"]", "\"bias\":[]",
       "graph: nodes[1].weights.bias: expected at least one tensor, found an array"},
      {"\"bias\":[\"norm.bias\"]", "\"bias\":[1]",
       "graph: nodes[1].weights.bias: expected an array of strings, found an array with 1"},
      {"\"output\":3,\"weights\"", "\"output\":3,\"weight\"",
       "graph: nodes[1].weight: this version does not know this field"},
      {"\"eps\":1e-12", "\"eps\":null",
       "graph: nodes[1].attributes.eps: expected a string, a number, true or false, found null"},
      {"\"logits\":4", "\"logits\":\"4\"",
       "graph: outputs.logits: expected an integer from 0 to 2147483647, found '4'"},
      {"\"logits\":4", "\"logits\":6", "graph: output 'logits': value 6 is none of the graph's 6"},
      {"\"op\":\"pool\"", "\"op\":\"linear\"",
       "graph: node 'pool': rows do not fit: expected an output with as many rows as the inputs"},
  };
  for (const auto& test : cases) {
    const Result<Graph> graph = parse_graph(replaced(good, test.from, test.to));
    ASSERT_FALSE(graph.ok()) << test.to;
    EXPECT_EQ(graph.status().message(), test.message);
  }
  const Result<Graph> unknown = parse_graph(replaced(good, "\"op\":\"pool\"", "\"op\":\"poll\""));
  EXPECT_EQ(unknown.status().code(), StatusCode::kUnsupported);
  EXPECT_NE(unknown.status().message().find("unknown operator 'poll'; known: embed, linear"),
            std::string::npos);
}

TEST(GraphJson, RefusesWhatIsNoJson) {
  const std::string good = to_json(small_graph());
  for (const std::string& text :
       {std::string(), std::string("["), std::string("[]"), std::string("null"), good + "x",
        std::string("\xEF\xBB\xBF") + good, good + std::string(1, '\0'),
        std::string(1'000'000, '['), std::string(5 << 20, ' ') + good, good.substr(1)}) {
    EXPECT_EQ(parse_graph(text).status().code(), StatusCode::kDataLoss) << text.substr(0, 20);
  }
}

TEST(GraphJson, MutationsNeverCrash) {
  const std::string good = to_json(small_graph());
  std::mt19937 random(7);
  const auto below = [&](size_t limit) { return random() % limit; };
  const std::string_view bytes = "0123456789-+.eE\"\\{}[]:,truefalsn \n\x80\xFF";
  int accepted = 0;
  for (int round = 0; round < 10'000; ++round) {
    std::string text = good;
    for (size_t i = 0, edits = 1 + below(4); i < edits; ++i) {
      const size_t at = below(text.size());
      switch (below(4)) {
        case 0:
          text[at] = bytes[below(bytes.size())];
          break;
        case 1:
          text.erase(at, 1 + below(16));
          break;
        case 2:
          text.insert(at, 1, bytes[below(bytes.size())]);
          break;
        default:
          text.insert(below(text.size()), text.substr(at, below(64)));
      }
    }
    const Result<Graph> graph = parse_graph(text);
    if (!graph.ok()) continue;
    ++accepted;
    EXPECT_TRUE(validate(*graph).ok());
    EXPECT_FALSE(to_text(*graph).empty());
    EXPECT_FALSE(to_dot(*graph).empty());
    expect_graph_equal(parsed(to_json(*graph)), *graph);
  }
  EXPECT_GT(accepted, 100) << "mutations that change names only should pass";
}

/// Passes x of `rows` with 8 features to an operator whose output has `result` rows.
Status check_rows(const std::string& op, const std::vector<RowSymbol>& rows, RowSymbol result) {
  Graph graph;
  Node node{.op = op, .name = "node"};
  for (const RowSymbol symbol : rows) {
    const auto id = static_cast<ValueId>(graph.values.size());
    graph.values.push_back({"x" + std::to_string(id), symbol, DataType::kF32, 8});
    graph.inputs.push_back(id);
    node.inputs.push_back(id);
  }
  node.output = static_cast<ValueId>(graph.values.size());
  graph.values.push_back({"y", result, DataType::kF32, 8});
  graph.nodes.push_back(node);
  return validate(graph);
}

TEST(GraphValidate, RowsMustFit) {
  constexpr auto kT = RowSymbol::kTargetTokens;
  constexpr auto kS = RowSymbol::kSequences;
  constexpr auto kM = RowSymbol::kSourceTokens;
  constexpr auto kC = RowSymbol::kCache;
  EXPECT_TRUE(check_rows("linear", {kT}, kT).ok());
  EXPECT_TRUE(check_rows("linear", {kS}, kS).ok());
  EXPECT_FALSE(check_rows("linear", {kS}, kT).ok());
  EXPECT_FALSE(check_rows("linear", {kT, kS}, kT).ok());
  EXPECT_FALSE(check_rows("add", {kT, kS}, kT).ok());
  EXPECT_FALSE(check_rows("add", {kT, kM}, kT).ok());
  EXPECT_TRUE(check_rows("pool", {kT}, kS).ok());
  EXPECT_FALSE(check_rows("pool", {kS}, kS).ok());
  EXPECT_FALSE(check_rows("pool", {kT}, kT).ok());
  EXPECT_TRUE(check_rows("slice_rows", {kM}, kS).ok());
  EXPECT_TRUE(check_rows("attention", {kT}, kT).ok());
  EXPECT_TRUE(check_rows("attention", {kT, kM}, kT).ok());
  EXPECT_TRUE(check_rows("attention", {kT, kM, kM}, kT).ok());
  EXPECT_FALSE(check_rows("attention", {kT, kM, kT}, kT).ok());
  EXPECT_FALSE(check_rows("attention", {kT, kM, kM}, kM).ok());
  EXPECT_FALSE(check_rows("attention", {kS}, kS).ok());
  EXPECT_FALSE(check_rows("attention", {kT, kS}, kT).ok());
  EXPECT_FALSE(check_rows("attention", {kT, kS, kS}, kT).ok());
  EXPECT_TRUE(check_rows("additive_attention", {kT, kM, kM}, kT).ok());
  EXPECT_FALSE(check_rows("additive_attention", {kT, kM, kT}, kT).ok());
  EXPECT_TRUE(check_rows("gru", {kT}, kT).ok());
  EXPECT_TRUE(check_rows("gru", {kM, kS}, kM).ok());
  EXPECT_FALSE(check_rows("gru", {kT, kT}, kT).ok());
  EXPECT_FALSE(check_rows("gru", {kT, kS, kS}, kT).ok());
  EXPECT_FALSE(check_rows("lstm", {kS}, kS).ok());
  EXPECT_FALSE(check_rows("lstm", {kT}, kM).ok());
  EXPECT_TRUE(check_rows("cached_gru", {kT, kS, kC}, kT).ok());
  EXPECT_TRUE(check_rows("cached_lstm", {kT, kC}, kT).ok());
  EXPECT_FALSE(check_rows("cached_gru", {kT, kS}, kT).ok());
  EXPECT_FALSE(check_rows("cached_gru", {kC}, kC).ok());
  EXPECT_FALSE(check_rows("cached_gru", {kT, kT, kC}, kT).ok());
}

/// Only inputs of the graph have the tables for reading a memory.
TEST(GraphValidate, CachedAttentionReadsInputsByTables) {
  constexpr auto kT = RowSymbol::kTargetTokens;
  constexpr auto kM = RowSymbol::kSourceTokens;
  EXPECT_TRUE(check_rows("cached_attention", {kT, kM}, kT).ok());
  EXPECT_TRUE(check_rows("cached_attention", {kT, kM, kM}, kT).ok());
  EXPECT_FALSE(check_rows("cached_attention", {kT}, kT).ok());
  EXPECT_FALSE(check_rows("cached_attention", {kT, kT}, kT).ok());
  EXPECT_FALSE(check_rows("cached_attention", {kT, RowSymbol::kSequences}, kT).ok());
  EXPECT_FALSE(check_rows("cached_attention", {kM, kT}, kT).ok());
  EXPECT_FALSE(check_rows("cached_attention", {kT, RowSymbol::kCache}, kT).ok());
  EXPECT_FALSE(check_rows("cached_attention", {kT, RowSymbol::kPages}, kT).ok());

  Graph graph;
  graph.values = {{"q", kT, DataType::kF32, 8},
                  {"memory", RowSymbol::kSourceTokens, DataType::kF32, 16},
                  {"changed", RowSymbol::kSourceTokens, DataType::kF32, 16},
                  {"y", kT, DataType::kF32, 8}};
  graph.inputs = {0, 1};
  graph.nodes.push_back({.op = "activation", .name = "changed", .inputs = {1}, .output = 2});
  graph.nodes.push_back({.op = "cached_attention", .name = "node", .inputs = {0, 1}, .output = 3});
  EXPECT_TRUE(validate(graph).ok()) << validate(graph).message();
  graph.nodes[1].inputs = {0, 2};
  EXPECT_EQ(validate(graph).message(),
            "node 'node': rows do not fit: expected one row per token; the last inputs are "
            "memory");
}

TEST(GraphValidate, PagedAttentionReadsACacheAtTheEnd) {
  constexpr auto kT = RowSymbol::kTargetTokens;
  constexpr auto kP = RowSymbol::kPages;
  for (const char* op : {"append_kv", "paged_attention"}) {
    EXPECT_TRUE(check_rows(op, {kT, kP}, kT).ok());
    EXPECT_FALSE(check_rows(op, {kT}, kT).ok());
    EXPECT_FALSE(check_rows(op, {kP}, kT).ok());
    EXPECT_FALSE(check_rows(op, {kT, kT}, kT).ok());
    EXPECT_FALSE(check_rows(op, {kP, kT}, kT).ok());
    EXPECT_FALSE(check_rows(op, {kT, kP, kP}, kT).ok());
    EXPECT_FALSE(check_rows(op, {kT, RowSymbol::kCache}, kT).ok());
    EXPECT_FALSE(check_rows(op, {RowSymbol::kSequences, kP}, RowSymbol::kSequences).ok());
  }
}

TEST(GraphRestricted, KeepsWhatOutputsNeed) {
  const Graph graph = small_graph();
  const Result<Graph> all = restricted_to(graph, {});
  ASSERT_TRUE(all.ok());
  expect_graph_equal(*all, graph);

  const Result<Graph> one = restricted_to(graph, {"sentence_embedding"});
  ASSERT_TRUE(one.ok());
  EXPECT_TRUE(validate(*one).ok());
  EXPECT_EQ(one->values.size(), graph.values.size());
  ASSERT_EQ(one->nodes.size(), 3U);
  EXPECT_EQ(one->nodes[0].name, "embeddings");
  EXPECT_EQ(one->nodes[2].name, "pool");
  EXPECT_EQ(one->outputs.size(), 1U);

  const Result<Graph> none = restricted_to(graph, {"logits", "nothing"});
  EXPECT_EQ(none.status().code(), StatusCode::kNotFound);
  EXPECT_EQ(none.status().message(),
            "no output 'nothing'; the model has logits, sentence_embedding");
}

TEST(GraphText, IsAligned) {
  EXPECT_EQ(
      to_text(small_graph()),
      "%0  input_ids           source_tokens x 1 I32  input\n"
      "%1  token_type_ids      source_tokens x 1 I32  input\n"
      "%2  embeddings          source_tokens x 8      embed       %0 %1  "
      "[position_table table type_table] has_type_ids=true position_offset=2\n"
      "%3  norm                source_tokens x 8      layer_norm  %2     [bias weight] eps=1e-12\n"
      "%4  head                source_tokens x 3      linear      %3     [weight]\n"
      "%5  pool                sequences x 8          pool        %3     kind=mean\n"
      "    logits              source_tokens x 3      output      %4\n"
      "    sentence_embedding  sequences x 8          output      %5\n");
}

TEST(GraphText, HasNoControlCharacters) {
  Graph graph = small_graph();
  graph.nodes[0].name = "a\nb\x1B[2J";
  EXPECT_NE(to_text(graph).find("a?b?[2J"), std::string::npos);
}

TEST(GraphDot, DrawsNodesAndEdges) {
  Graph graph = small_graph();
  graph.nodes[3].name = "a \"b\"\\";
  const std::string dot = to_dot(graph);
  EXPECT_TRUE(dot.starts_with("digraph model {\n"));
  EXPECT_NE(dot.find("  v2 [label=\"embed\\nembeddings\\nsource_tokens x 8\"];\n"),
            std::string::npos);
  EXPECT_NE(dot.find("  v1 -> v2;\n"), std::string::npos);
  EXPECT_NE(dot.find("  v5 -> output1;\n"), std::string::npos);
  EXPECT_NE(dot.find("pool\\na \\\"b\\\"\\\\\\n"), std::string::npos);
}

TEST(GraphDot, DrawsSeveralGraphsInFrames) {
  const Graph graph = small_graph();
  const Drawing drawings[] = {{"a \"title\"", &graph}, {"another", &graph}};
  const std::string dot = to_dot(drawings);
  EXPECT_NE(dot.find("subgraph cluster_g0 {\n  label=\"a \\\"title\\\"\";\n"), std::string::npos)
      << dot;
  EXPECT_NE(dot.find("  g0_v1 -> g0_v2;\n"), std::string::npos);
  EXPECT_NE(dot.find("  g1_v1 -> g1_v2;\n"), std::string::npos);
  EXPECT_NE(dot.find("  g1_v5 -> g1_output1;\n"), std::string::npos);
  EXPECT_EQ(std::count(dot.begin(), dot.end(), '{'), std::count(dot.begin(), dot.end(), '}'));
}

}  // namespace
}  // namespace lanewise::graph
