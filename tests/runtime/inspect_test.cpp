#include "lanewise/inspect.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

#include "lanewise/files.hpp"
#include "tests/runtime/attention_model.hpp"
#include "tests/runtime/file_temporary_folder.hpp"

namespace lanewise {
namespace {

using attention::test::kFeatures;
using attention::test::kVocabulary;
using attention::test::Parts;
using attention::test::small_graph;
using attention::test::small_model;

TEST(Inspect, ListsWhatAModelHolds) {
  const auto contents = inspect(small_model(Parts::kEncoder));
  ASSERT_TRUE(contents.ok()) << contents.status().message();
  std::vector<std::string> names;
  for (const TensorInfo& tensor : contents->tensors) names.push_back(tensor.name);
  EXPECT_EQ(names, (std::vector<std::string>{"lanewise.tokenizer", "logits", "positions", "source",
                                             "target"}));
  const TensorInfo& source = contents->tensors[3];
  EXPECT_EQ(source.type, DataType::kF32);
  EXPECT_EQ(source.shape, (Shape{kVocabulary, kFeatures}));
  EXPECT_EQ(source.bytes, kVocabulary * kFeatures * 4);
  // The tokenizer's text does not count as parameters.
  const int64_t logits = (kVocabulary + 15) / 16 * 16 * kFeatures;
  const int64_t positions = attention::test::kTargetTokens * kFeatures;
  EXPECT_EQ(contents->parameters, 2 * kVocabulary * kFeatures + logits + positions);
  EXPECT_EQ(contents->weights_type, "f32");
  EXPECT_TRUE(contents->has_tokenizer);
  EXPECT_EQ(contents->provenance, "");
  EXPECT_EQ(contents->quantization, "");
  const auto without = inspect(small_model(Parts::kEncoder, small_graph(Parts::kEncoder), false));
  ASSERT_TRUE(without.ok());
  EXPECT_FALSE(without->has_tokenizer);
}

TEST(Inspect, ShowsTheGraph) {
  std::optional<ModelGraph> kept;
  {
    const auto made = ModelGraph::of(small_model(Parts::kBoth));
    ASSERT_TRUE(made.ok()) << made.status().message();
    kept = *made;  // outlives the model
  }
  const ModelGraph& graph = *kept;
  const auto values = graph.values();
  std::vector<std::string> inputs;
  for (const int id : graph.inputs()) inputs.push_back(values[static_cast<size_t>(id)].name);
  EXPECT_EQ(inputs, (std::vector<std::string>{"input_ids", "decoder_input_ids"}));
  ASSERT_EQ(graph.outputs().size(), 1u);
  EXPECT_EQ(graph.outputs().begin()->first, "logits");
  const GraphNode& last = graph.nodes().back();
  EXPECT_EQ(last.op, "linear");
  EXPECT_EQ(last.name, "logits");
  EXPECT_EQ(last.output, graph.outputs().begin()->second);
  EXPECT_EQ(last.weights.at("weight"), std::vector<std::string>{"logits"});
  EXPECT_EQ(values[static_cast<size_t>(last.output)].features, kVocabulary);
  const auto cross =
      std::find_if(graph.nodes().begin(), graph.nodes().end(),
                   [](const GraphNode& node) { return node.name == "decoder.0.cross"; });
  ASSERT_NE(cross, graph.nodes().end());
  EXPECT_EQ(std::get<int64_t>(cross->attributes.at("heads")), attention::test::kHeads);
  const GraphValue& keys = values[static_cast<size_t>(cross->inputs.back())];
  const GraphValue& queries = values[static_cast<size_t>(cross->inputs.front())];
  EXPECT_NE(keys.rows, queries.rows);
}

TEST(Inspect, WritesTheGraphForPeopleProgramsAndGraphviz) {
  const Model model = small_model(Parts::kEncoder);
  const auto graph = ModelGraph::of(model);
  ASSERT_TRUE(graph.ok());
  EXPECT_EQ(*graph->to_text(), graph::to_text(model.data().graph()));
  EXPECT_EQ(*graph->to_dot(), graph::to_dot(model.data().graph()));
  const auto json = nlohmann::json::parse(*graph->to_json());
  EXPECT_EQ(json["nodes"].size(), graph->nodes().size());
  const std::vector<GraphDrawing> drawings = {{"first \"one\"", *graph}, {"second", *graph}};
  const auto dot = to_dot(drawings);
  ASSERT_TRUE(dot.ok());
  EXPECT_NE(dot->find("label=\"first \\\"one\\\"\""), std::string::npos);
  EXPECT_NE(dot->find("cluster_g1"), std::string::npos);
}

using InspectFiles = file::TemporaryFolderTest;

TEST_F(InspectFiles, TellsModelFilesByTheirContent) {
  put("no.lw", "text");
  EXPECT_FALSE(is_model_file(path("no.lw")).value());
  EXPECT_FALSE(is_model_file(path("none")).value());
  EXPECT_FALSE(is_model_file(folder_.string()).value());
  const file::Metadata metadata{{std::string(internal::kFormatKey), "1"}};
  file::AlignedBuffer bytes;
  file::MemorySink sink(bytes);
  ASSERT_TRUE(file::write_safetensors(sink, metadata, {}, 64).ok());
  auto file = AtomicFile::create(path("yes"));
  ASSERT_TRUE(file.ok() && file->write(std::as_const(bytes).bytes()).ok() && file->commit().ok());
  EXPECT_TRUE(is_model_file(path("yes")).value());
}

}  // namespace
}  // namespace lanewise
