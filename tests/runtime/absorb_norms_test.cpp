#include "runtime/plan/absorb_norms.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "runtime/exec/executor.hpp"
#include "runtime/exec/run_sequence.hpp"
#include "runtime/file/sink.hpp"
#include "runtime/graph/builder.hpp"
#include "runtime/model_data.hpp"
#include "runtime/plan/program.hpp"

namespace lanewise::plan {
namespace {

using graph::Graph;
using graph::Node;
using graph::RowSymbol;
using graph::ValueId;

// Every value has this many features, so that every linear can have any of the weights.
constexpr int64_t kAbsorbNormsDim = 16;
constexpr int64_t kAbsorbNormsVocabulary = 5;

template <typename T>
Tensor filled(DataType type, const Shape& shape, int step, double divisor) {
  Tensor tensor(type, shape);
  const int64_t count = *element_count(shape);
  for (int64_t i = 0; i < count; ++i) {
    tensor.as<T>()[i] = static_cast<T>(static_cast<double>((i * step + 5) % 101 - 50) / divisor);
  }
  return tensor;
}

Tensor floats(const Shape& shape, int step) {
  return filled<float>(DataType::kF32, shape, step, 31.0);
}

/// Of the weights of each output, panels [1, kAbsorbNormsDim / 4, 16, 4]. oneDNN's products do not need them,
/// ours do: only true sums give both the same bits.
Tensor sums_of(const Tensor& panels) {
  Tensor sums(DataType::kI32, {kAbsorbNormsDim});
  for (int64_t i = 0; i < kAbsorbNormsDim * 16; ++i) {
    sums.as<int32_t>()[i / 4 % 16] += panels.as<int8_t>()[i];
  }
  return sums;
}

/// Contains the tensors of all graphs here, with a graph that only reads its table.
const Model& absorb_norms_model() {
  static const Model made = [] {
    TensorMap tensors;
    tensors["table"] = floats({kAbsorbNormsVocabulary, kAbsorbNormsDim}, 37);
    tensors["norm.weight"] = floats({kAbsorbNormsDim}, 11);
    tensors["norm.bias"] = floats({kAbsorbNormsDim}, 23);
    tensors["scales"] = floats({kAbsorbNormsDim}, 7);
    tensors["i8"] = filled<int8_t>(DataType::kI8, {1, kAbsorbNormsDim / 4, 16, 4}, 29, 1.0);
    tensors["i8.sum"] = sums_of(tensors["i8"]);
    tensors["i4"] = Tensor(DataType::kU8, {1, 4, 64});
    std::fill_n(tensors["i4"].as<uint8_t>(), 4 * 64, uint8_t{0x6b});
    tensors["i4.scale"] = floats({1, 1, 16}, 9);
    tensors["f32"] = floats({1, kAbsorbNormsDim, 16}, 41);
    tensors["bf16"] = Tensor(DataType::kBF16, {1, kAbsorbNormsDim / 2, 16, 2});
    graph::Builder builder;
    const ValueId ids = builder.input("input_ids", RowSymbol::kSourceTokens);
    builder.output("y", builder.embed("embed", ids, -1, kAbsorbNormsDim, {.table = "table"}));
    ModelInfo info;
    info.family = "small";
    info.task = "test";
    info.vocabulary_size = kAbsorbNormsVocabulary;
    info.max_tokens = info.max_text_tokens = 100;
    const file::Metadata metadata{
        {std::string(internal::kFormatKey), std::to_string(internal::kFormatVersion)},
        {std::string(internal::kFormatsKey), R"({"i8": "i8", "i4": "i4g32", "bf16": "bf16"})"},
        {std::string(internal::kGraphKey), graph::to_json(std::move(builder).take())},
        {std::string(internal::kTaskKey), internal::task_to_json(info)}};
    std::vector<file::SafetensorsInput> inputs;
    for (const auto& [name, tensor] : tensors) inputs.push_back({name, tensor.view()});
    file::AlignedBuffer bytes;
    file::MemorySink sink(bytes);
    EXPECT_TRUE(file::write_safetensors(sink, metadata, inputs, 64).ok());
    auto data = internal::ModelData::create(std::move(bytes), "small");
    EXPECT_TRUE(data.ok()) << data.status().message();
    return Model(std::move(data).value());
  }();
  return made;
}

/// Writes a graph that begins with an embedding, x.
struct Writer {
  Writer() {
    const ValueId ids = builder.input("input_ids", RowSymbol::kSourceTokens);
    x = builder.embed("embed", ids, -1, kAbsorbNormsDim, {.table = "table"});
  }

  ValueId layer_norm(const std::string& name, ValueId from) {
    return builder.layer_norm(name, from, {"norm.weight", "norm.bias"}, 1e-3);
  }
  ValueId linear(const std::string& name, ValueId from, const std::string& weight = "i8") {
    return builder.linear(name, from, kAbsorbNormsDim, {weight, "norm.bias"});
  }
  /// Returns the graph, whose linears get all roles that their weights need.
  Graph take() {
    Graph graph = std::move(builder).take();
    for (Node& node : graph.nodes) {
      const std::string weight =
          node.weights.contains("weight") ? node.weights.at("weight").front() : "";
      if (weight == "i8") {
        node.weights["weight_scale"] = {"scales"};
        node.weights["weight_sum"] = {"i8.sum"};
      } else if (weight == "i4") {
        node.weights["weight_scale"] = {"i4.scale"};
        node.weights["weight_sum"] = {"scales"};
      }
    }
    return graph;
  }

  graph::Builder builder;
  ValueId x;
};

const Node* find(const Graph& graph, const std::string& name) {
  const auto it = std::ranges::find(graph.nodes, name, &Node::name);
  return it == graph.nodes.end() ? nullptr : &*it;
}

Graph absorbed(const Graph& graph) {
  Graph result = absorb_norms(absorb_norms_model().data(), graph);
  const Status status = graph::validate(result);
  EXPECT_TRUE(status.ok()) << status.message();
  return result;
}

void expect_untouched(const Graph& graph) {
  EXPECT_EQ(graph::to_json(absorbed(graph)), graph::to_json(graph));
}

TEST(AbsorbNorms, ALinearOfInt8TakesTheNormThatItAloneReads) {
  Writer w;
  const ValueId norm = w.layer_norm("norm", w.x);
  w.builder.output("y", w.linear("linear", norm));
  const Graph before = w.take();
  const Graph graph = absorbed(before);
  ASSERT_EQ(graph.nodes.size(), 2U);
  EXPECT_EQ(graph.values.size(), before.values.size());
  EXPECT_EQ(graph.outputs, before.outputs);
  const Node& linear = *find(graph, "linear");
  EXPECT_EQ(linear.inputs, std::vector{w.x});
  EXPECT_EQ(*linear.attributes.get_string("norm", ""), "layer_norm");
  EXPECT_EQ(*linear.attributes.get_double("norm_eps", 0), 1e-3);
  EXPECT_EQ(linear.weights.at("norm_weight"), std::vector<std::string>{"norm.weight"});
  EXPECT_EQ(linear.weights.at("norm_bias"), std::vector<std::string>{"norm.bias"});
  EXPECT_EQ(linear.weights.at("bias"), std::vector<std::string>{"norm.bias"});
}

TEST(AbsorbNorms, TwoLinearsOfInt4TakeTheNormThatBothRead) {
  Writer w;
  const ValueId norm = w.builder.rms_norm("norm", w.x, "norm.weight", 1e-6);
  const ValueId gate = w.linear("gate", norm, "i4"), up = w.linear("up", norm, "i4");
  w.builder.output("y", w.builder.mul("mul", gate, up));
  const Graph graph = absorbed(w.take());
  EXPECT_EQ(graph.nodes.size(), 4U);
  for (const char* name : {"gate", "up"}) {
    const Node& linear = *find(graph, name);
    EXPECT_EQ(linear.inputs, std::vector{w.x});
    EXPECT_EQ(*linear.attributes.get_string("norm", ""), "rms_norm");
    EXPECT_FALSE(linear.weights.contains("norm_bias"));
  }
}

TEST(AbsorbNorms, OfTwoNormsInARowTheLastIsTaken) {
  Writer w;
  const ValueId first = w.layer_norm("first", w.x);
  w.builder.output("y", w.linear("linear", w.layer_norm("second", first)));
  const Graph graph = absorbed(w.take());
  EXPECT_EQ(find(graph, "second"), nullptr);
  ASSERT_NE(find(graph, "first"), nullptr);
  EXPECT_EQ(find(graph, "linear")->inputs, std::vector{first});
}

TEST(AbsorbNorms, AnOutputStays) {
  Writer w;
  const ValueId norm = w.layer_norm("norm", w.x);
  w.builder.output("y", w.linear("linear", norm));
  w.builder.output("norm", norm);
  expect_untouched(w.take());
}

TEST(AbsorbNorms, WhatAResidualReadsStays) {
  Writer w;
  const ValueId norm = w.layer_norm("norm", w.x);
  w.builder.output("y", w.linear("linear", norm));
  Graph graph = w.take();
  graph.nodes.back().attributes.set("has_residual", true);
  graph.nodes.back().inputs = {norm, norm};
  expect_untouched(graph);
  graph.nodes.back().inputs = {w.x, norm};
  expect_untouched(graph);
}

TEST(AbsorbNorms, WhatAnotherOperatorReadsStays) {
  Writer w;
  const ValueId norm = w.layer_norm("norm", w.x);
  w.builder.output("y", w.builder.add("add", w.linear("linear", norm), norm));
  expect_untouched(w.take());
}

TEST(AbsorbNorms, WhatManyLinearsReadStays) {
  Writer w;
  const ValueId norm = w.layer_norm("norm", w.x);
  for (const char* name : {"a", "b", "c"}) w.builder.output(name, w.linear(name, norm));
  expect_untouched(w.take());
}

TEST(AbsorbNorms, WhatLinearsOfOtherTypesReadStays) {
  for (const char* weight : {"f32", "bf16"}) {
    Writer w;
    const ValueId norm = w.layer_norm("norm", w.x);
    w.builder.output("y", w.linear("linear", norm, weight));
    expect_untouched(w.take());
    Writer mixed;
    const ValueId both = mixed.layer_norm("norm", mixed.x);
    mixed.builder.output("y", mixed.linear("narrow", both));
    mixed.builder.output("z", mixed.linear("wide", both, weight));
    expect_untouched(mixed.take());
  }
}

TEST(AbsorbNorms, ANormWithAResidualStays) {
  Writer w;
  const ValueId norm = w.layer_norm("norm", w.x);
  w.builder.output("y", w.linear("linear", norm));
  Graph graph = w.take();
  graph.nodes[1].inputs.push_back(w.x);
  expect_untouched(graph);
}

TEST(AbsorbNorms, ANormThatNobodyReadsStays) {
  Writer w;
  w.layer_norm("norm", w.x);
  w.builder.output("y", w.linear("linear", w.x));
  expect_untouched(w.take());
}

TEST(AbsorbNorms, OtherOperatorsStay) {
  Writer w;
  const ValueId unit = w.builder.l2_normalize("unit", w.x, 1e-12);
  w.builder.output("y", w.linear("linear", unit));
  expect_untouched(w.take());
}

TEST(AbsorbNorms, WhatANormsOperatorRefusesIsLeftToIt) {
  Writer w;
  const ValueId norm = w.layer_norm("norm", w.x);
  w.builder.output("y", w.linear("linear", norm));
  const Graph good = w.take();
  const auto expect_refused = [&](const char* part, const auto& change) {
    Graph graph = good;
    change(graph.nodes[1]);
    expect_untouched(graph);
    const Result<Program> program = make_program(absorb_norms_model().data(), graph, {});
    ASSERT_FALSE(program.ok());
    EXPECT_TRUE(program.status().message().starts_with("node 'norm' (layer_norm): "));
    EXPECT_NE(program.status().message().find(part), std::string::npos);
  };
  expect_refused("'eps'", [](Node& node) { node.attributes.set("eps", -1.0); });
  expect_refused("'axis'", [](Node& node) { node.attributes.set("axis", int64_t{1}); });
  expect_refused("'weight'", [](Node& node) { node.weights["weight"] = {"table"}; });
  expect_refused("no tensor", [](Node& node) { node.weights["bias"] = {"nothing"}; });
}

TEST(AbsorbNorms, WhatALinearWouldRefuseIsLeftToIt) {
  Writer w;
  const ValueId norm = w.layer_norm("norm", w.x);
  w.builder.output("y", w.linear("linear", norm));
  const Graph good = w.take();
  const auto expect_refused = [&](const auto& change) {
    Graph graph = good;
    change(graph.nodes[2]);
    expect_untouched(graph);
    const Result<Program> program = make_program(absorb_norms_model().data(), graph, {});
    ASSERT_FALSE(program.ok());
    EXPECT_TRUE(program.status().message().starts_with("node 'linear' (linear): "));
  };
  expect_refused([](Node& node) { node.attributes.set("norm_eps", 1e-5); });
  expect_refused([](Node& node) { node.weights["norm_weight"] = {"norm.weight"}; });
  expect_refused([](Node& node) { node.weights["norm_bias"] = {"norm.bias"}; });
  expect_refused([](Node& node) { node.weights.erase("weight"); });
}

/// Two layers of a Transformer without its attention, one with a gate.
Graph layers() {
  Writer w;
  const ValueId up = w.linear("0.up", w.layer_norm("0.norm", w.x));
  const ValueId x = w.builder.add("0.add", w.linear("0.down", up), w.x);
  const ValueId norm = w.builder.rms_norm("1.norm", x, "norm.weight", 1e-6);
  const ValueId gate = w.linear("1.gate", norm, "i4"), wide = w.linear("1.up", norm);
  const ValueId mul = w.builder.mul("1.mul", gate, wide);
  const ValueId y = w.builder.add("1.add", w.linear("1.down", mul), x);
  // Its input and its residual are what the norm reads.
  const ValueId last = w.linear("last", w.layer_norm("2.norm", y));
  w.builder.output("y", last);
  Graph graph = w.take();
  graph.nodes.back().inputs.push_back(y);
  graph.nodes.back().attributes.set("has_residual", true);
  return graph;
}

std::vector<float> run(const Program& program, int threads) {
  std::vector<int32_t> ids(40);
  for (size_t i = 0; i < ids.size(); ++i)
    ids[i] = static_cast<int32_t>(i * i) % kAbsorbNormsVocabulary;
  exec::Team team(threads);
  exec::Executor executor(program, team);
  EXPECT_TRUE(exec::run_sequence(program, executor, ids, {}, {}).ok());
  const ops::Operand& y = executor.result(program.graph.outputs.at("y"));
  std::vector<float> values;
  for (int64_t row = 0; row < y.rows; ++row) {
    values.insert(values.end(), y.f32(row), y.f32(row) + y.features);
  }
  return values;
}

TEST(AbsorbNorms, ProgramsGiveTheSameBits) {
  const Graph graph = layers();
  Graph kept = graph;  // its norms stay, because they are outputs
  for (const Node& node : graph.nodes) {
    if (node.op == "layer_norm" || node.op == "rms_norm") kept.outputs[node.name] = node.output;
  }
  for (const ops::Isa isa : ops::all_isas()) {
    if (!ops::is_available(isa)) continue;
    const Result<Program> with = make_program(absorb_norms_model().data(), graph, {.isa = isa});
    const Result<Program> without = make_program(absorb_norms_model().data(), kept, {.isa = isa});
    ASSERT_TRUE(with.ok()) << with.status().message();
    ASSERT_TRUE(without.ok()) << without.status().message();
    EXPECT_EQ(with->graph.nodes.size() + 3, without->graph.nodes.size());
    EXPECT_EQ(without->graph.nodes.size(), graph.nodes.size());
    const std::vector<float> expected = run(*without, 1);
    for (const int threads : {1, 2}) {
      const std::vector<float> found = run(*with, threads);
      ASSERT_EQ(found.size(), expected.size());
      EXPECT_EQ(std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)), 0)
          << ops::name_of(isa);
    }
  }
}

TEST(AbsorbNorms, TheValueOfANormHasNoMemory) {
  Writer w;
  const ValueId norm = w.layer_norm("norm", w.x);
  w.builder.output("y", w.linear("linear", norm));
  const Result<Program> program = make_program(absorb_norms_model().data(), w.take(), {});
  ASSERT_TRUE(program.ok()) << program.status().message();
  EXPECT_EQ(program->memory.values[static_cast<size_t>(norm)].offset_per_row, -1);
  EXPECT_EQ(program->memory.work.bytes_per_row[0], kAbsorbNormsDim * 4);
}

}  // namespace
}  // namespace lanewise::plan
