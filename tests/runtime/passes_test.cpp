#include "runtime/graph/passes/passes.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/graph/builder.hpp"

namespace lanewise::graph {
namespace {

constexpr int64_t kPassesDim = 8;
const AttentionSpec kSelf{.heads = 2, .kv_heads = 2, .head_dim = 4};

Affine affine(const std::string& name) { return {name + ".weight", name + ".bias"}; }

std::ptrdiff_t count(const Graph& graph, const std::string& op) {
  return std::ranges::count(graph.nodes, op, &Node::op);
}

const Node& passes_node(const Graph& graph, const std::string& name) {
  const auto it = std::ranges::find(graph.nodes, name, &Node::name);
  if (it != graph.nodes.end()) return *it;
  ADD_FAILURE() << "no node " << name << " in\n" << to_text(graph);
  static const Node kNone;
  return kNone;
}

const Value& output_of(const Graph& graph, const std::string& name) {
  return graph.values[static_cast<size_t>(passes_node(graph, name).output)];
}

Graph checked(Graph graph) {
  const Status status = validate(graph);
  EXPECT_TRUE(status.ok()) << status.message();
  return graph;
}

/// Attention over three linears of x, parts of which tests change.
struct AttentionGraph {
  AttentionGraph() : x(builder.input("x", RowSymbol::kTargetTokens)) {
    x = builder.layer_norm("norm", x, affine("norm"), 1e-5);
  }

  ValueId linear(const std::string& name, ValueId from, int64_t features = kPassesDim) {
    return builder.linear(name, from, features, affine(name));
  }

  Graph merged(ValueId q, ValueId k, ValueId v, const AttentionSpec& spec = kSelf) {
    builder.output("y", builder.attention("attention", q, k, v, spec));
    return checked(merge_qkv(checked(std::move(builder).take())));
  }

  Builder builder;
  ValueId x;
};

TEST(MergeQkv, MergesThreeLinearsOfOneValue) {
  AttentionGraph g;
  const ValueId q = g.linear("q", g.x), k = g.linear("k", g.x), v = g.linear("v", g.x);
  const Graph graph = g.merged(q, k, v);
  ASSERT_EQ(graph.nodes.size(), 3U);
  const Node& merged = passes_node(graph, "attention.qkv");
  EXPECT_EQ(merged.inputs, std::vector<ValueId>{g.x});
  EXPECT_EQ(merged.weights.at("weight"),
            (std::vector<std::string>{"q.weight", "k.weight", "v.weight"}));
  EXPECT_EQ(merged.weights.at("bias"), (std::vector<std::string>{"q.bias", "k.bias", "v.bias"}));
  EXPECT_EQ(output_of(graph, "attention.qkv").features, 3 * kPassesDim);
  EXPECT_EQ(output_of(graph, "attention.qkv").name, "attention.qkv");
  EXPECT_EQ(passes_node(graph, "attention").inputs, std::vector<ValueId>{merged.output});
}

/// The same with queries and keys that are turned by rotary positions first.
struct RotaryGraph : AttentionGraph {
  RotaryGraph() {
    const ValueId ids = builder.input("ids", RowSymbol::kTargetTokens);
    angles = builder.rotary_angles("angles", ids, 2, {.frequencies = "frequencies"});
    q = linear("q", x);
    k = linear("k", x, 4);
    v = linear("v", x, 4);
  }

  ValueId turned(const std::string& name, ValueId from, int64_t heads) {
    return builder.rotary(name, from, angles, {heads, 4});
  }
  Graph merged_turned(ValueId turned_q, ValueId turned_k) {
    return merged(turned_q, turned_k, v, {.heads = 2, .kv_heads = 1, .head_dim = 4});
  }

  ValueId angles = -1, q = -1, k = -1, v = -1;
};

TEST(MergeQkv, MergesRotaryPositionsToo) {
  RotaryGraph g;
  const ValueId turned_k = g.turned("turn k", g.k, 1);
  const Graph graph = g.merged_turned(g.turned("turn q", g.q, 2), turned_k);
  EXPECT_EQ(count(graph, "linear"), 1);
  EXPECT_EQ(count(graph, "rotary"), 1);
  const Node& merged = passes_node(graph, "attention.qkv");
  EXPECT_EQ(merged.weights.at("weight"),
            (std::vector<std::string>{"q.weight", "k.weight", "v.weight"}));
  const Node& turn = passes_node(graph, "turn q");
  EXPECT_EQ(turn.inputs, (std::vector<ValueId>{merged.output, g.angles}));
  EXPECT_EQ(*turn.attributes.get_int("heads", 0), 3);
  EXPECT_EQ(output_of(graph, "turn q").features, kPassesDim + 8);
  EXPECT_EQ(passes_node(graph, "attention").inputs, std::vector<ValueId>{turn.output});
}

TEST(MergeQkv, LeavesQueriesAndKeysThatAreTurnedInDifferentWays) {
  RotaryGraph none;
  EXPECT_EQ(count(none.merged_turned(none.q, none.turned("turn k", none.k, 1)), "linear"), 3);
  RotaryGraph part;
  const ValueId half = part.turned("turn q", part.q, 1);
  EXPECT_EQ(count(part.merged_turned(half, part.turned("turn k", part.k, 1)), "linear"), 3);
  RotaryGraph other;
  const ValueId ids = other.builder.input("other ids", RowSymbol::kTargetTokens);
  const ValueId turned_q = other.turned("turn q", other.q, 2);
  other.angles = other.builder.rotary_angles("others", ids, 2, {.frequencies = "frequencies"});
  EXPECT_EQ(count(other.merged_turned(turned_q, other.turned("turn k", other.k, 1)), "linear"), 3);
  RotaryGraph read_twice;
  const ValueId turned = read_twice.turned("turn q", read_twice.q, 2);
  read_twice.builder.output("queries", turned);
  const ValueId turned_k = read_twice.turned("turn k", read_twice.k, 1);
  EXPECT_EQ(count(read_twice.merged_turned(turned, turned_k), "linear"), 3);
}

TEST(MergeQkv, ColumnsAreQueriesKeysValuesWhateverTheOrderOfNodes) {
  AttentionGraph g;
  const ValueId v = g.linear("v", g.x, 4), k = g.linear("k", g.x, 4), q = g.linear("q", g.x);
  const Graph graph = g.merged(q, k, v, {.heads = 2, .kv_heads = 1, .head_dim = 4});
  EXPECT_EQ(passes_node(graph, "attention.qkv").weights.at("weight"),
            (std::vector<std::string>{"q.weight", "k.weight", "v.weight"}));
  EXPECT_EQ(output_of(graph, "attention.qkv").features, kPassesDim + 4 + 4);
}

TEST(MergeQkv, MergesWithoutBiases) {
  AttentionGraph g;
  const auto bare = [&](const std::string& name) {
    return g.builder.linear(name, g.x, kPassesDim, {name + ".weight", ""});
  };
  const ValueId q = bare("q"), k = bare("k"), v = bare("v");
  const Graph graph = g.merged(q, k, v);
  EXPECT_EQ(passes_node(graph, "attention.qkv").weights.count("bias"), 0U);
}

TEST(MergeQkv, MergesKeysAndValuesOfCrossAttention) {
  AttentionGraph g;
  const ValueId memory = g.builder.input("memory", RowSymbol::kSourceTokens);
  const ValueId q = g.linear("q", g.x), k = g.linear("k", memory), v = g.linear("v", memory);
  const Graph graph = g.merged(q, k, v);
  EXPECT_EQ(count(graph, "linear"), 2);
  EXPECT_EQ(passes_node(graph, "attention.kv").weights.at("weight"),
            (std::vector<std::string>{"k.weight", "v.weight"}));
  EXPECT_EQ(output_of(graph, "attention.kv").rows, RowSymbol::kSourceTokens);
  EXPECT_EQ(passes_node(graph, "attention").inputs,
            (std::vector<ValueId>{q, passes_node(graph, "attention.kv").output}));
}

TEST(MergeQkv, MergesEveryLayer) {
  AttentionGraph g;
  for (const std::string layer : {"0.", "1.", "2."}) {
    const ValueId q = g.linear(layer + "q", g.x), k = g.linear(layer + "k", g.x),
                  v = g.linear(layer + "v", g.x);
    g.x = g.builder.attention(layer + "attention", q, k, v, kSelf);
  }
  g.builder.output("y", g.x);
  const Graph graph = checked(merge_qkv(std::move(g.builder).take()));
  EXPECT_EQ(count(graph, "linear"), 3);
  EXPECT_EQ(passes_node(graph, "2.attention").inputs.size(), 1U);
}

TEST(MergeQkv, HalfOfTheBiasesPreventIt) {
  AttentionGraph g;  // As in Whisper, whose keys have no bias.
  const ValueId q = g.linear("q", g.x), v = g.linear("v", g.x);
  const ValueId k = g.builder.linear("k", g.x, kPassesDim, {"k.weight", ""});
  EXPECT_EQ(count(g.merged(q, k, v), "linear"), 3);
}

TEST(MergeQkv, OtherReadersPreventIt) {
  AttentionGraph g;
  const ValueId q = g.linear("q", g.x), k = g.linear("k", g.x), v = g.linear("v", g.x);
  g.builder.output("values", v);
  EXPECT_EQ(count(g.merged(q, k, v), "linear"), 3);

  AttentionGraph h;
  const ValueId shared = h.linear("shared", h.x), only = h.linear("only", h.x);
  EXPECT_EQ(count(h.merged(only, shared, shared), "linear"), 2);
}

TEST(MergeQkv, EpiloguesPreventIt) {
  for (const char* attribute : {"activation", "scale"}) {
    AttentionGraph g;
    const ValueId q = g.linear("q", g.x), k = g.linear("k", g.x), v = g.linear("v", g.x);
    g.builder.output("y", g.builder.attention("attention", q, k, v, kSelf));
    Graph graph = std::move(g.builder).take();
    graph.nodes[3].attributes.set(attribute, std::string("relu"));
    EXPECT_EQ(count(merge_qkv(graph), "linear"), 3) << attribute;
  }
}

TEST(MergeQkv, WidthsThatDoNotFitPreventIt) {
  for (const auto& [k_width, v_width] : {std::pair{4, 12}, {4, 8}, {8, 4}, {12, 8}, {8, 12}}) {
    AttentionGraph g;
    const ValueId q = g.linear("q", g.x), k = g.linear("k", g.x, k_width),
                  v = g.linear("v", g.x, v_width);
    EXPECT_EQ(count(g.merged(q, k, v), "linear"), 3) << k_width << " " << v_width;
  }
}

/// linear -> activation, with `kind` and a test's additions.
struct ActivationGraph {
  ActivationGraph() : x(builder.input("x", RowSymbol::kSourceTokens)) {
    h = builder.linear("up", x, kPassesDim, affine("up"));
    y = builder.activation("act", h, "gelu");
    builder.output("y", y);
  }

  Builder builder;
  ValueId x, h, y;
};

TEST(FuseActivation, BecomesTheEpilogue) {
  ActivationGraph g;
  const Graph graph = checked(fuse_activation(std::move(g.builder).take()));
  ASSERT_EQ(graph.nodes.size(), 1U);
  EXPECT_EQ(*passes_node(graph, "up").attributes.get_string("activation", ""), "gelu");
  EXPECT_EQ(graph.outputs.at("y"), passes_node(graph, "up").output);
}

TEST(FuseActivation, OtherReadersPreventIt) {
  ActivationGraph g;
  g.builder.output("h", g.h);
  EXPECT_EQ(checked(fuse_activation(std::move(g.builder).take())).nodes.size(), 2U);
}

TEST(FuseActivation, OneActivationIsEnough) {
  ActivationGraph g;
  g.builder.output("y", g.builder.activation("second", g.y, "tanh"));
  const Graph graph = checked(fuse_activation(std::move(g.builder).take()));
  EXPECT_EQ(graph.nodes.size(), 2U);
  EXPECT_EQ(passes_node(graph, "second").inputs,
            std::vector<ValueId>{passes_node(graph, "up").output});
}

TEST(FuseActivation, NotAfterAResidual) {
  Builder builder;
  const ValueId x = builder.layer_norm("norm", builder.input("x", RowSymbol::kSourceTokens),
                                       affine("norm"), 1e-5);
  const ValueId h = builder.linear("up", x, builder.value(x).features, affine("up"));
  builder.output("y", builder.activation("act", builder.add("add", h, x), "relu"));
  const Graph graph = checked(fuse_activation(checked(fuse_residual(std::move(builder).take()))));
  EXPECT_EQ(count(graph, "add"), 0);
  EXPECT_EQ(count(graph, "activation"), 1);
}

TEST(FuseActivation, NotAfterOtherOperators) {
  Builder builder;
  const ValueId x = builder.layer_norm("norm", builder.input("x", RowSymbol::kSourceTokens),
                                       affine("norm"), 1e-5);
  builder.output("y", builder.activation("act", x, "relu"));
  EXPECT_EQ(fuse_activation(std::move(builder).take()).nodes.size(), 2U);
}

TEST(FuseResidual, BecomesTheEpilogueOnEitherSide) {
  for (const bool linear_first : {true, false}) {
    ActivationGraph g;
    const ValueId x = g.builder.linear("x2", g.x, kPassesDim, affine("x2"));
    const ValueId norm = g.builder.layer_norm("norm", x, affine("norm"), 1e-5);
    const ValueId h = g.builder.linear("down", norm, kPassesDim, affine("down"));
    g.builder.output("y",
                     linear_first ? g.builder.add("add", h, norm) : g.builder.add("add", norm, h));
    const Graph graph = checked(fuse_residual(std::move(g.builder).take()));
    EXPECT_EQ(count(graph, "add"), 0);
    EXPECT_EQ(passes_node(graph, "down").inputs, (std::vector<ValueId>{norm, norm}));
    EXPECT_TRUE(*passes_node(graph, "down").attributes.get_bool("has_residual", false));
    EXPECT_EQ(graph.outputs.at("y"), passes_node(graph, "down").output);
  }
}

TEST(FuseResidual, WaitsForTheOtherOperand) {
  Builder builder;
  const ValueId x = builder.input("x", RowSymbol::kSourceTokens);
  const ValueId h = builder.linear("early", x, kPassesDim, affine("early"));
  const ValueId late = builder.layer_norm(
      "late", builder.linear("other", x, kPassesDim, affine("other")), affine("late"), 1e-5);
  builder.output("y", builder.add("add", h, late));
  const Graph graph = checked(fuse_residual(std::move(builder).take()));
  EXPECT_EQ(graph.nodes.back().name, "early");
  EXPECT_EQ(graph.nodes.back().inputs, (std::vector<ValueId>{x, late}));
}

TEST(FuseResidual, OfTwoLinearsTheLaterAdds) {
  for (const bool later_first : {false, true}) {
    Builder builder;
    const ValueId x = builder.input("x", RowSymbol::kSourceTokens);
    const ValueId a = builder.linear("a", x, kPassesDim, affine("a"));
    const ValueId b = builder.linear("b", x, kPassesDim, affine("b"));
    builder.output("y", later_first ? builder.add("add", b, a) : builder.add("add", a, b));
    const Graph graph = checked(fuse_residual(std::move(builder).take()));
    ASSERT_EQ(graph.nodes.size(), 2U);
    EXPECT_EQ(passes_node(graph, "b").inputs, (std::vector<ValueId>{x, a}));
  }
}

TEST(FuseResidual, OneResidualIsEnough) {
  Builder builder;
  const ValueId x = builder.input("x", RowSymbol::kSourceTokens);
  const ValueId norm = builder.layer_norm("norm", x, affine("norm"), 1e-5);
  const ValueId h = builder.linear("h", norm, 1, affine("h"));
  const ValueId once = builder.add("once", h, norm);
  builder.output("y", builder.add("twice", once, norm));
  const Graph graph = checked(fuse_residual(std::move(builder).take()));
  EXPECT_EQ(count(graph, "add"), 1);
  EXPECT_EQ(passes_node(graph, "twice").inputs,
            (std::vector<ValueId>{passes_node(graph, "h").output, norm}));
}

TEST(FuseResidual, OtherReadersPreventIt) {
  Builder builder;
  const ValueId x = builder.input("x", RowSymbol::kSourceTokens);
  const ValueId norm = builder.layer_norm("norm", x, affine("norm"), 1e-5);
  const ValueId h = builder.linear("h", norm, 1, affine("h"));
  builder.output("h", h);
  builder.output("y", builder.add("add", h, norm));
  EXPECT_EQ(count(checked(fuse_residual(std::move(builder).take())), "add"), 1);
}

TEST(FuseResidual, NotIntoItself) {
  Builder builder;
  const ValueId h =
      builder.linear("h", builder.input("x", RowSymbol::kSourceTokens), kPassesDim, affine("h"));
  builder.output("y", builder.add("add", h, h));
  EXPECT_EQ(count(checked(fuse_residual(std::move(builder).take())), "add"), 1);
}

TEST(FuseResidual, NotWhereShapesDiffer) {
  Builder builder;
  const ValueId x = builder.input("x", RowSymbol::kSourceTokens);
  const ValueId h = builder.linear("h", x, kPassesDim, affine("h"));
  const ValueId row = builder.layer_norm("row", x, affine("row"), 1e-5);
  builder.output("y", builder.add("add", h, row));  // 8 features and 1, which the operator rejects
  EXPECT_EQ(count(checked(fuse_residual(std::move(builder).take())), "add"), 1);
}

TEST(RemoveDead, RemovesNodesValuesAndInputs) {
  Builder builder;
  const ValueId unread = builder.input("unread", RowSymbol::kSourceTokens);
  const ValueId x = builder.input("x", RowSymbol::kSourceTokens);
  builder.linear("dead2", builder.linear("dead1", unread, kPassesDim, affine("dead1")), kPassesDim,
                 affine("dead2"));
  builder.output("y", builder.linear("alive", x, kPassesDim, affine("alive")));
  const Graph graph = checked(remove_dead(std::move(builder).take()));
  EXPECT_EQ(to_text(graph),
            "%0  x      source_tokens x 1 I32  input\n"
            "%1  alive  source_tokens x 8      linear  %0  [bias weight]\n"
            "    y      source_tokens x 8      output  %1\n");
}

TEST(RemoveDead, KeepsALivingGraph) {
  ActivationGraph g;
  const Graph before = std::move(g.builder).take();
  EXPECT_EQ(to_json(remove_dead(before)), to_json(before));
}

/// A BERT of one layer as its family builds it: post-norm, GELU, mean pooling.
Graph textbook_bert() {
  Builder b;
  const ValueId ids = b.input("input_ids", RowSymbol::kSourceTokens);
  const ValueId types = b.input("token_type_ids", RowSymbol::kSourceTokens);
  ValueId x = b.embed(
      "embeddings", ids, types, 384,
      {.table = "word", .type_table = "type", .position_table = "position", .attributes = {}});
  x = b.layer_norm("embeddings.LayerNorm", x, affine("embeddings.LayerNorm"), 1e-12);
  const ValueId q = b.linear("0.query", x, 384, affine("0.query"));
  const ValueId k = b.linear("0.key", x, 384, affine("0.key"));
  const ValueId v = b.linear("0.value", x, 384, affine("0.value"));
  const ValueId a =
      b.attention("0.attention", q, k, v, {.heads = 12, .kv_heads = 12, .head_dim = 32});
  const ValueId o = b.linear("0.attention.output", a, 384, affine("0.attention.output"));
  x = b.layer_norm("0.attention.norm", b.add("0.attention.add", o, x), affine("0.attention.norm"),
                   1e-12);
  const ValueId up =
      b.activation("0.gelu", b.linear("0.intermediate", x, 1536, affine("0.intermediate")), "gelu");
  const ValueId down = b.linear("0.output", up, 384, affine("0.output"));
  x = b.layer_norm("0.norm", b.add("0.output.add", down, x), affine("0.norm"), 1e-12);
  b.output("last_hidden_state", x);
  b.output("sentence_embedding", b.l2_normalize("normalize", b.pool("pool", x, "mean"), 1e-12));
  return std::move(b).take();
}

TEST(Optimize, FusesABertLayer) {
  const Graph textbook = checked(textbook_bert());
  EXPECT_EQ(textbook.nodes.size(), 16U);
  EXPECT_EQ(to_text(checked(optimize(textbook))),
            "%0   input_ids             source_tokens x 1 I32  input\n"
            "%1   token_type_ids        source_tokens x 1 I32  input\n"
            "%2   embeddings            source_tokens x 384    embed         %0 %1  "
            "[position_table table type_table] has_type_ids=true\n"
            "%3   embeddings.LayerNorm  source_tokens x 384    layer_norm    %2     [bias weight] "
            "eps=1e-12\n"
            "%4   0.attention.qkv       source_tokens x 1152   linear        %3     [bias weight]\n"
            "%5   0.attention           source_tokens x 384    attention     %4     "
            "causal=false head_dim=32 heads=12 kv_heads=12\n"
            "%6   0.attention.output    source_tokens x 384    linear        %5 %3  "
            "[bias weight] has_residual=true\n"
            "%7   0.attention.norm      source_tokens x 384    layer_norm    %6     [bias weight] "
            "eps=1e-12\n"
            "%8   0.intermediate        source_tokens x 1536   linear        %7     "
            "[bias weight] activation=gelu\n"
            "%9   0.output              source_tokens x 384    linear        %8 %7  "
            "[bias weight] has_residual=true\n"
            "%10  0.norm                source_tokens x 384    layer_norm    %9     [bias weight] "
            "eps=1e-12\n"
            "%11  pool                  sequences x 384        pool          %10    kind=mean\n"
            "%12  normalize             sequences x 384        l2_normalize  %11    eps=1e-12\n"
            "     last_hidden_state     source_tokens x 384    output        %10\n"
            "     sentence_embedding    sequences x 384        output        %12\n");
}

TEST(Optimize, TwiceIsOnce) {
  const Graph once = optimize(textbook_bert());
  EXPECT_EQ(to_json(optimize(once)), to_json(once));
}

}  // namespace
}  // namespace lanewise::graph
