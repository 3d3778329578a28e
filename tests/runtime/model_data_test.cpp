#include "runtime/model_data.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <optional>
#include <random>
#include <thread>

#include "runtime/graph/builder.hpp"
#include "tests/runtime/file_temporary_folder.hpp"

namespace lanewise::internal {
namespace {

constexpr const char* kTokenizer =
    R"({"normalizer": {"type": "BertNormalizer"}, "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": {"[UNK]": 0, "a": 1, "b": 2}}})";

ModelInfo small_info() {
  ModelInfo info;
  info.family = "bert";
  info.task = "embedding";
  info.vocabulary_size = 3;
  info.token_types = 2;
  info.max_tokens = 4;
  info.max_text_tokens = 3;
  return info;
}

graph::Graph model_data_small_graph() {
  graph::Builder builder;
  const auto ids = builder.input("input_ids", graph::RowSymbol::kSourceTokens);
  const auto types = builder.input("token_type_ids", graph::RowSymbol::kSourceTokens);
  const auto x = builder.embed("embeddings", ids, types, 2,
                               {.table = "words",
                                .type_table = "types",
                                .position_table = "positions",
                                .attributes = {{"max_positions", int64_t{4}}}});
  builder.output("last_hidden_state", x);
  builder.output("sentence_embedding", builder.pool("pool", x, "mean"));
  return std::move(builder).take();
}

/// The parts of a model file, one of which a test changes.
struct Parts {
  Parts() : metadata(good_metadata()) {
    tensors.emplace("words", Tensor(DataType::kF32, {3, 2}));
    tensors.emplace("types", Tensor(DataType::kF32, {2, 2}));
    tensors.emplace("positions", Tensor(DataType::kF32, {4, 2}));
    set_tokenizer(kTokenizer);
  }

  void set_tokenizer(std::string_view json) {
    Tensor bytes(DataType::kU8, {static_cast<int64_t>(json.size())});
    std::copy(json.begin(), json.end(), bytes.as<char>());
    tensors[std::string(kTokenizerTensor)] = std::move(bytes);
  }

  static file::Metadata good_metadata() {
    return {{std::string(kFormatKey), std::to_string(kFormatVersion)},
            {std::string(kFormatsKey), "{}"},
            {std::string(kGraphKey), graph::to_json(model_data_small_graph())},
            {std::string(kTaskKey), task_to_json(small_info())},
            {std::string(kProvenanceKey), R"({"files":[]})"}};
  }

  void set(std::string_view key, std::string value) {
    metadata[std::string(key)] = std::move(value);
  }

  void replace_in(std::string_view key, const std::string& from, const std::string& to) {
    std::string& text = metadata[std::string(key)];
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
  }

  file::AlignedBuffer bytes() const {
    std::vector<file::SafetensorsInput> inputs;
    for (const auto& [name, tensor] : tensors) inputs.push_back({name, tensor.view()});
    file::AlignedBuffer buffer;
    file::MemorySink sink(buffer);
    const Status status = file::write_safetensors(sink, metadata, inputs, 64);
    EXPECT_TRUE(status.ok()) << status.message();
    return buffer;
  }

  Result<std::shared_ptr<const ModelData>> open() const {
    return ModelData::create(bytes(), "m.lw");
  }

  void expect(StatusCode code, const std::string& message) const {
    const auto data = open();
    EXPECT_EQ(data.status().code(), code);
    EXPECT_EQ(data.status().message(), message);
  }

  file::Metadata metadata;
  TensorMap tensors;
};

TEST(OpenModel, TellsWhatItIs) {
  const auto data = Parts().open();
  ASSERT_TRUE(data.ok()) << data.status().message();
  const ModelInfo& info = (*data)->info();
  EXPECT_EQ(info.family, "bert");
  EXPECT_EQ(info.task, "embedding");
  EXPECT_EQ(info.vocabulary_size, 3);
  EXPECT_EQ(info.token_types, 2);
  EXPECT_EQ(info.max_tokens, 4);
  EXPECT_EQ(info.max_text_tokens, 3);
  ASSERT_EQ(info.outputs.size(), 2U);
  EXPECT_EQ(info.outputs[0].name, "last_hidden_state");
  EXPECT_TRUE(info.outputs[0].per_token);
  EXPECT_EQ(info.outputs[0].features, 2);
  EXPECT_FALSE(info.outputs[1].per_token);
  EXPECT_EQ((*data)->graph().nodes.size(), 2U);
  EXPECT_EQ((*data)->provenance(), R"({"files":[]})");
  EXPECT_NE((*data)->file().find("words"), nullptr);
}

TEST(OpenModel, ReadsBackHowTextsAreCutAndCompared) {
  ModelInfo info = small_info();
  info.max_text_characters = int64_t{1} << 40;
  info.left_out_id = 2;
  info.similarity = Similarity::kManhattan;
  Parts parts;
  parts.set(kTaskKey, task_to_json(info));
  const auto data = parts.open();
  ASSERT_TRUE(data.ok()) << data.status().message();
  EXPECT_EQ((*data)->info().max_text_characters, info.max_text_characters);
  EXPECT_EQ((*data)->info().left_out_id, 2);
  EXPECT_EQ((*data)->info().similarity, Similarity::kManhattan);
  const auto usual = Parts().open();
  ASSERT_TRUE(usual.ok());
  EXPECT_EQ((*usual)->info().max_text_characters, 0);
  EXPECT_EQ((*usual)->info().left_out_id, -1);
  EXPECT_EQ((*usual)->info().similarity, Similarity::kCosine);
}

TEST(OpenModel, ReadsBackAHead) {
  ModelInfo info = small_info();
  info.head.labels = {"no", "\"yes\""};
  info.head.problem_type = "multi_label_classification";
  info.head.scores = ScoreFunction::kSigmoid;
  info.head.ranking = ScoreFunction::kSoftmax;
  info.head.mask_token = "[MASK]";
  info.head.sparse_logarithms = 2;
  info.head.sparse_sum = true;
  info.head.unweighted_ids = {0, 2};
  info.head.omits_first_vector = true;
  info.head.late_interaction = {
      .queries = {.marker_id = 1, .replaced_prefix = ". ", .max_tokens = 4},
      .documents = {.max_tokens = 3},
      .expansion_id = 2,
      .attends_to_expansion = true,
      .skipped_ids = {1}};
  Parts parts;
  parts.set(kTaskKey, task_to_json(info));
  const auto data = parts.open();
  ASSERT_TRUE(data.ok()) << data.status().message();
  const HeadInfo& head = (*data)->info().head;
  EXPECT_EQ(head.labels, info.head.labels);
  EXPECT_EQ(head.problem_type, info.head.problem_type);
  EXPECT_EQ(head.scores, info.head.scores);
  EXPECT_EQ(head.ranking, info.head.ranking);
  EXPECT_EQ(head.mask_token, "[MASK]");
  EXPECT_EQ(head.sparse_logarithms, 2);
  EXPECT_TRUE(head.sparse_sum);
  EXPECT_EQ(head.unweighted_ids, info.head.unweighted_ids);
  EXPECT_TRUE(head.omits_first_vector);
  const LateInteraction& late = head.late_interaction;
  EXPECT_EQ(late.queries.marker_id, 1);
  EXPECT_EQ(late.queries.replaced_prefix, ". ");
  EXPECT_EQ(late.queries.max_tokens, 4);
  EXPECT_EQ(late.documents.marker_id, -1);
  EXPECT_EQ(late.documents.max_tokens, 3);
  EXPECT_EQ(late.expansion_id, 2);
  EXPECT_TRUE(late.attends_to_expansion);
  EXPECT_EQ(late.skipped_ids, std::vector<int32_t>{1});
}

TEST(OpenModel, LabelsNameTheLogits) {
  ModelInfo info = small_info();
  info.head.labels = {"a", "b", "c"};
  graph::Graph graph = model_data_small_graph();
  graph.outputs["logits"] = graph.outputs.at("sentence_embedding");
  Parts parts;
  parts.set(kTaskKey, task_to_json(info));
  parts.set(kGraphKey, graph::to_json(graph));
  parts.expect(StatusCode::kDataLoss, "'m.lw': 3 labels for logits of 2 features");
}

TEST(OpenModel, ForeignFilesAreRefused) {
  Parts parts;
  parts.metadata.erase(std::string(kFormatKey));
  parts.expect(StatusCode::kDataLoss,
               "'m.lw' is not a lanewise model file (no 'lanewise.format'); convert it first");
  file::AlignedBuffer text;
  ASSERT_TRUE(text.append(std::as_bytes(std::span("no safetensors at all"))).ok());
  EXPECT_EQ(ModelData::create(std::move(text), "x").status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(ModelData::create(file::AlignedBuffer(), "x").status().code(), StatusCode::kDataLoss);
}

TEST(OpenModel, FormatsOfOtherVersionsAreRefused) {
  for (const char* version : {"3", "99999999999999999999", "0"}) {
    Parts parts;
    parts.set(kFormatKey, version);
    parts.set(kGraphKey, "what a newer version means by it");
    parts.expect(StatusCode::kUnsupported,
                 "'m.lw': format '" + std::string(version) + "', this version reads 1 to 2");
  }
  for (const char* version : {"", "one", "1.5", "-1", " 1"}) {
    Parts parts;
    parts.set(kFormatKey, version);
    parts.expect(StatusCode::kDataLoss,
                 "'m.lw': format '" + std::string(version) + "' is not a number");
  }
}

TEST(OpenModel, MissingMetadataIsNamed) {
  for (const std::string_view key : {kGraphKey, kTaskKey}) {
    Parts parts;
    parts.metadata.erase(std::string(key));
    parts.expect(StatusCode::kDataLoss, "'m.lw': no '" + std::string(key) + "' in the metadata");
  }
}

TEST(OpenModel, DamagedTasksAreNamed) {
  const struct {
    const char* from;
    const char* to;
    const char* message;
  } cases[] = {
      {"{", "", "not JSON: error at byte 9"},
      {"\"bert\"", "1", "family: expected a string, found 1"},
      {"{", "{\"head\":1,", "head: expected an object, found 1"},
      {"{", "{\"head\":{\"labels\":[1]},",
       "head.labels: expected an array of strings, found an array with 1"},
      {"{", "{\"head\":{\"sparse_logarithms\":3},",
       "head.sparse_logarithms: expected an integer from 0 to 2, found 3"},
      {"{", "{\"head\":{\"late_interaction\":{\"queries\":{\"max_tokens\":5}}},",
       "head.late_interaction.queries.max_tokens: expected an integer from 2 to 4, found 5"},
      {"{", "{\"head\":{\"late_interaction\":{\"queries\":{\"marker_id\":3}}},",
       "head.late_interaction.queries.marker_id: expected an integer from 0 to 2, found 3"},
      {"\"max_tokens\":4", "\"max_tokens\":\"4\"",
       "max_tokens: expected an integer from 0 to 2147483647, found '4'"},
      {"\"max_tokens\":4", "\"max_tokens\":0", "max_tokens must not be 0"},
      {"\"max_tokens\":4", "\"max_tokens\":2",
       "max_text_tokens 3 is not between 1 and max_tokens 2"},
      {"\"max_text_tokens\":3", "\"max_text_tokens\":0",
       "max_text_tokens 0 is not between 1 and max_tokens 4"},
      {"{", "{\"max_text_characters\":0,",
       "max_text_characters: expected an integer from 1 to 9223372036854775807, found 0"},
      {"{", "{\"left_out_id\":-1,",
       "left_out_id: expected an integer from 0 to 2147483647, found -1"},
      {"\"vocabulary_size\":3", "\"vocabulary_size\":0", "vocabulary_size must not be 0"},
      {"\"vocabulary_size\":3", "\"vocabulary_size\":-3",
       "vocabulary_size: expected an integer from 0 to 2147483647, found -3"},
      {"\"token_types\"", "\"types\"",
       "token_types: expected an integer from 0 to 2147483647, found nothing"},
  };
  for (const auto& test : cases) {
    Parts parts;
    parts.replace_in(kTaskKey, test.from, test.to);
    parts.expect(StatusCode::kDataLoss, "'m.lw': lanewise.task: " + std::string(test.message));
  }
}

TEST(OpenModel, ATaskOfMegabytesIsNotRead) {
  Parts parts;
  parts.set(kTaskKey, std::string(1 << 20, ' ') + task_to_json(small_info()));
  const auto data = parts.open();
  EXPECT_EQ(data.status().code(), StatusCode::kDataLoss);
  EXPECT_NE(data.status().message().find("at most 1048576 are read"), std::string::npos)
      << data.status().message();
}

/// Kernels read weights in place, but other writers of the format need not align them.
TEST(OpenModel, WeightsThatAreNotAlignedAreRefused) {
  const file::AlignedBuffer good = Parts().bytes();
  std::string bytes(reinterpret_cast<const char*>(good.bytes().data()), good.bytes().size());
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  bytes.insert(8 + length, 1, ' ');  // after the header, which shifts all data
  ++length;
  std::memcpy(bytes.data(), &length, sizeof length);
  file::AlignedBuffer moved;
  ASSERT_TRUE(moved.append(std::as_bytes(std::span(bytes))).ok());
  const auto data = ModelData::create(std::move(moved), "m.lw");
  EXPECT_EQ(data.status().code(), StatusCode::kDataLoss);
  EXPECT_NE(data.status().message().find("is not aligned for its type"), std::string::npos)
      << data.status().message();
}

TEST(OpenModel, DamagedGraphsAreNamed) {
  Parts parts;
  parts.replace_in(kGraphKey, "\"features\":2", "\"features\":0");
  parts.expect(StatusCode::kDataLoss,
               "'m.lw': graph: value 2 'embeddings': expected 1 to 2147483647 features, found 0");
  parts.set(kGraphKey, std::string(100'000, '['));
  parts.expect(StatusCode::kDataLoss, "'m.lw': graph: JSON nests deeper than 64 levels");
}

TEST(OpenModel, NormsInsideLinearsAreNoneOfTheFormat) {
  Parts parts;
  graph::Graph graph = model_data_small_graph();
  graph.nodes.push_back({.op = "linear",
                         .name = "linear",
                         .inputs = {graph.outputs.at("last_hidden_state")},
                         .output = static_cast<graph::ValueId>(graph.values.size()),
                         .weights = {{"weight", {"words"}}},
                         .attributes = {{"norm", std::string("layer_norm")}}});
  graph.values.push_back({.name = "linear", .features = 2});
  parts.set(kGraphKey, graph::to_json(graph));
  parts.expect(StatusCode::kDataLoss,
               "'m.lw': node 'linear': unknown attribute 'norm': a model file must not have it");
}

TEST(OpenModel, GraphsWithoutOutputsAreRefused) {
  Parts parts;
  graph::Graph graph = model_data_small_graph();
  graph.outputs.clear();
  parts.set(kGraphKey, graph::to_json(graph));
  parts.expect(StatusCode::kDataLoss, "'m.lw': the graph has no output");
  graph.outputs["ids"] = 0;
  parts.set(kGraphKey, graph::to_json(graph));
  parts.expect(StatusCode::kDataLoss, "'m.lw': graph output 'ids': expected F32");
}

TEST(OpenModel, OnlyInputsThatSessionsMakeAreTaken) {
  const struct {
    const char* from;
    const char* to;
    StatusCode code;
    const char* message;
  } cases[] = {
      {"\"input_ids\"", "\"pixels\"", StatusCode::kUnsupported,
       "graph input 'pixels': expected input_ids, token_type_ids or decoder_input_ids"},
      {"\"I32\",\"features\":1", "\"I32\",\"features\":2", StatusCode::kDataLoss,
       "graph input 'input_ids': expected source_tokens x 1 I32"},
      {"\"I32\"", "\"F32\"", StatusCode::kDataLoss,
       "graph input 'input_ids': expected source_tokens x 1 I32"},
  };
  for (const auto& test : cases) {
    Parts parts;
    parts.replace_in(kGraphKey, test.from, test.to);
    parts.expect(test.code, "'m.lw': " + std::string(test.message));
  }
}

TEST(OpenModel, MissingTensorsAreNamed) {
  for (const char* name : {"words", "types", "positions"}) {
    Parts parts;
    parts.tensors.erase(parts.tensors.find(name));
    const auto data = parts.open();
    EXPECT_EQ(data.status().code(), StatusCode::kDataLoss);
    EXPECT_TRUE(data.status().message().starts_with("'m.lw': node 'embeddings': weight '"));
    EXPECT_TRUE(
        data.status().message().ends_with(": the file has no tensor '" + std::string(name) + "'"));
  }
}

TEST(OpenModel, WeightsOfSeveralTensorsAreRefused) {
  Parts parts;
  parts.replace_in(kGraphKey, "[\"words\"]", "[\"words\",\"types\"]");
  parts.expect(StatusCode::kDataLoss,
               "'m.lw': node 'embeddings': weight 'table': expected one tensor, found 2");
}

TEST(OpenModel, IdsThatNoTableHoldsAreRefused) {
  const std::string node = "'m.lw': node 'embeddings': ";
  const struct {
    const char* name;
    Shape shape;
    std::string message;
  } cases[] = {
      {"words", {2, 3}, "tensor 'words': the task needs 3 rows, the file has [2, 3]"},
      {"types", {1, 4}, "tensor 'types': the task needs 2 rows, the file has [1, 4]"},
      {"positions", {3, 2}, "tensor 'positions': the task needs 4 rows, the file has [3, 2]"},
      {"words", {}, "tensor 'words': the task needs 3 rows, the file has []"},
  };
  for (const auto& test : cases) {
    Parts parts;
    parts.tensors.find(test.name)->second = Tensor(DataType::kF32, test.shape);
    parts.expect(StatusCode::kDataLoss, node + test.message);
  }
  Parts offset;
  offset.replace_in(kGraphKey, "\"max_positions\":4", "\"max_positions\":4,\"position_offset\":2");
  offset.expect(StatusCode::kDataLoss,
                node + "tensor 'positions': the task needs 6 rows, the file has [4, 2]");
  Parts few;
  few.replace_in(kGraphKey, "\"max_positions\":4", "\"max_positions\":3");
  few.expect(StatusCode::kDataLoss,
             node + "max_positions 3 is less than the 4 tokens that the task allows");
}

TEST(OpenModel, TokenizersAreMadeOnce) {
  const auto data = Parts().open();
  ASSERT_TRUE(data.ok());
  std::array<const text::Tokenizer*, 4> seen{};
  std::vector<std::thread> threads;
  for (auto& tokenizer : seen) {
    threads.emplace_back([&] {
      const auto opened = (*data)->open_tokenizer();
      EXPECT_TRUE(opened.ok()) << opened.status().message();
      if (opened.ok()) tokenizer = *opened;
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_NE(seen[0], nullptr);
  for (const text::Tokenizer* tokenizer : seen) EXPECT_EQ(tokenizer, seen[0]);
  EXPECT_EQ(seen[0]->vocabulary_size(), 3);
}

TEST(OpenModel, TokenizersMayBeMissing) {
  Parts parts;
  parts.tensors.erase(std::string(kTokenizerTensor));
  const auto data = parts.open();
  ASSERT_TRUE(data.ok());
  const auto tokenizer = (*data)->open_tokenizer();
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_EQ(*tokenizer, nullptr);
}

TEST(OpenModel, DamagedTokenizersFailWheneverTheyAreAskedFor) {
  Parts parts;
  parts.set_tokenizer("{\"model\": 1}");
  const auto data = parts.open();
  ASSERT_TRUE(data.ok()) << "who runs on ids needs no tokenizer";
  for (int i = 0; i < 2; ++i) {
    const auto tokenizer = (*data)->open_tokenizer();
    ASSERT_FALSE(tokenizer.ok());
    EXPECT_EQ(tokenizer.status().code(), StatusCode::kDataLoss);
    EXPECT_TRUE(tokenizer.status().message().starts_with("'m.lw': tokenizer: "))
        << tokenizer.status().message();
  }
}

TEST(OpenModel, MutationsNeverCrash) {
  const file::AlignedBuffer good = Parts().bytes();
  std::mt19937 random(11);
  const auto below = [&](size_t limit) { return random() % limit; };
  int opened = 0;
  for (int round = 0; round < 10'000; ++round) {
    std::vector<std::byte> bytes(good.bytes().begin(), good.bytes().end());
    for (size_t i = 0, edits = 1 + below(3); i < edits; ++i) {
      bytes[below(bytes.size())] = static_cast<std::byte>(32 + below(95));
    }
    if (below(10) == 0) bytes.resize(below(bytes.size()));
    file::AlignedBuffer copy;
    ASSERT_TRUE(copy.append(bytes).ok());
    const auto data = ModelData::create(std::move(copy), "m.lw");
    if (!data.ok()) continue;
    ++opened;
    EXPECT_TRUE(graph::validate((*data)->graph()).ok());
    const auto tokenizer = (*data)->open_tokenizer();
    EXPECT_TRUE(!tokenizer.ok() || (*data)->has_tokenizer() == (*tokenizer != nullptr));
  }
  EXPECT_GT(opened, 100) << "mutations of names and tensor data should pass";
}

class OpenModelFileTest : public file::TemporaryFolderTest {};

TEST_F(OpenModelFileTest, MapsFiles) {
  const file::AlignedBuffer bytes = Parts().bytes();
  put("m.lw", {reinterpret_cast<const char*>(bytes.bytes().data()), bytes.bytes().size()});
  std::optional<Model> copy;
  {
    const Result<Model> model = Model::open(path("m.lw"));
    ASSERT_TRUE(model.ok()) << model.status().message();
    copy = *model;
  }
  EXPECT_EQ(copy->info().family, "bert");
  const file::SafetensorsView& view = copy->data().file();
  EXPECT_EQ(view.view(*view.find("words")).as<float>()[5], 0.0F);
}

TEST_F(OpenModelFileTest, NamesTheFile) {
  EXPECT_EQ(Model::open(path("none")).status().code(), StatusCode::kNotFound);
  put("text", "no model file");
  const Status status = Model::open(path("text")).status();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_NE(status.message().find("text'"), std::string::npos);
}

}  // namespace
}  // namespace lanewise::internal
