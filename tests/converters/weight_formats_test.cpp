#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "base/status_macros.hpp"
#include "lanewise/embedder.hpp"
#include "lanewise/session.hpp"
#include "ops/dispatch.hpp"
#include "ops/weights/weight_format.hpp"
#include "runtime/model_data.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/hashed_weights.hpp"
#include "tests/converters/hf_checkpoint.hpp"

/// How a model file records the formats of its weights, and what it stores once.

namespace lanewise::converters {
namespace {

constexpr std::string_view kWeightFormatsTexts[] = {"a b", "e d c b a", "b b b c"};

class WeightFormatsTest : public CheckpointFolderTest {
 protected:
  ConvertedFile convert_as(const std::string& weights, int group = 0) {
    options_.weights = weights;
    options_.group = group;
    const Status status = convert_folder();
    EXPECT_TRUE(status.ok()) << status.message();
    return converted();
  }

  static std::map<std::string, std::string> formats_of(const ConvertedFile& out) {
    return nlohmann::json::parse(out.metadata(internal::kFormatsKey));
  }

  /// The file with other metadata.
  static Result<Model> reopened(const ConvertedFile& out, const file::Metadata& metadata) {
    std::vector<file::SafetensorsInput> tensors;
    for (const file::TensorEntry& entry : out.view.tensors()) {
      tensors.push_back({entry.name, out.view.view(entry)});
    }
    file::AlignedBuffer bytes;
    file::MemorySink sink(bytes);
    LW_RETURN_IF_ERROR(file::write_safetensors(sink, metadata, tensors, 64));
    LW_ASSIGN_OR_RETURN(auto data, internal::ModelData::create(std::move(bytes), "changed"));
    return Model(std::move(data));
  }

  static std::vector<float> vectors(const Model& model) {
    Result<Embedder> embedder = Embedder::create(model, {.threads = 1});
    EXPECT_TRUE(embedder.ok()) << embedder.status().message();
    const Result<Embeddings> embeddings = embedder->embed(kWeightFormatsTexts);
    EXPECT_TRUE(embeddings.ok()) << embeddings.status().message();
    return embeddings->values;
  }

  void use(const std::string& variant) {
    HfCheckpoint checkpoint = hf_checkpoint(variant);
    config_ = checkpoint.config;
    tensors_ = checkpoint.tensors;
    options_.max_error = std::nullopt;
    write_config();
    write_tensors("model.safetensors", checkpoint.tensors);
  }
};

TEST_F(WeightFormatsTest, AreStatedByName) {
  struct Case {
    const char* weights;
    int group;
    const char* format;
    const char* table;
  };
  constexpr Case kCases[] = {{"f32", 0, "f32", "f32_rows"},    {"bf16", 0, "bf16", "bf16_rows"},
                             {"int8", 0, "i8", "i8_rows"},     {"int4", 0, "i4g32", "i8_rows"},
                             {"int4", 64, "i4g64", "i8_rows"}, {"int4", 128, "i4g128", "i8_rows"}};
  write_all();
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.format);
    options_.max_error = std::nullopt;
    if (std::string_view(c.weights).starts_with("int")) options_.max_error = 10.0;
    const ConvertedFile out = convert_as(c.weights, c.group);
    const std::map<std::string, std::string> formats = formats_of(out);
    EXPECT_EQ(out.metadata(internal::kFormatKey), "2");
    std::map<std::string, std::string> expected;
    for (const graph::Node& node : out.graph.nodes) {
      if (node.op == "linear") expected[node.weights.at("weight").front()] = c.format;
      if (node.op == "embed") expected[node.weights.at("table").front()] = c.table;
    }
    EXPECT_EQ(formats, expected);
  }
}

/// Files of earlier versions: the same tensors without names of formats.
TEST_F(WeightFormatsTest, FilesOfVersion1GiveTheSameBits) {
  write_all();
  for (const auto& [weights, group] :
       {std::pair("f32", 0), {"bf16", 0}, {"int8", 0}, {"int4", 32}, {"int4", 64}, {"int4", 128}}) {
    SCOPED_TRACE(std::string(weights) + " " + std::to_string(group));
    const ConvertedFile out = convert_as(weights, group);
    file::Metadata metadata = out.view.metadata();
    metadata[std::string(internal::kFormatKey)] = "1";
    metadata.erase(std::string(internal::kFormatsKey));
    const Result<Model> old = reopened(out, metadata);
    ASSERT_TRUE(old.ok()) << old.status().message();
    const Result<Model> current = Model::open(destination());
    ASSERT_TRUE(current.ok()) << current.status().message();
    EXPECT_EQ(old->data().formats(), current->data().formats());
    EXPECT_EQ(vectors(*old), vectors(*current));
  }
}

/// Files and results of the last release that wrote version 1 (tests/reference/README.md).
TEST(WeightFormatsOfVersion1, OpenAndGiveTheBitsOfTheirTime) {
  if (!ops::is_available(ops::Isa::avx2)) GTEST_SKIP() << "this CPU has no avx2";
  const TensorMap inputs = data_tensors("model_files/inputs.safetensors");
  for (const auto& [name, format] : {std::pair<std::string, const char*>("bf16", "bf16"),
                                     {"int8", "i8"},
                                     {"int4g64", "i4g64"}}) {
    SCOPED_TRACE(name);
    const Result<Model> model = Model::open(data_path("model_files/" + name + "_v1.lw"));
    ASSERT_TRUE(model.ok()) << model.status().message();
    std::set<std::string_view> formats;
    for (const auto& [tensor, stated] : model->data().formats()) {
      formats.insert(ops::name_of(stated));
    }
    EXPECT_TRUE(formats.contains(format));
    Result<Session> session = Session::create(*model, {.threads = 1, .isa = "avx2", .outputs = {}});
    ASSERT_TRUE(session.ok()) << session.status().message();
    const Result<TensorMap> found = session->run(inputs);
    ASSERT_TRUE(found.ok()) << found.status().message();
    const TensorMap expected = data_tensors("model_files/" + name + "_outputs.safetensors");
    ASSERT_EQ(found->size(), expected.size());
    for (const auto& [output, tensor] : expected) {
      ASSERT_EQ(found->at(output).shape(), tensor.shape());
      EXPECT_EQ(std::memcmp(found->at(output).as<float>(), tensor.as<float>(), tensor.size_bytes()),
                0)
          << output;
    }
  }
}

TEST_F(WeightFormatsTest, AreCheckedWhenAFileIsOpened) {
  write_all();
  const ConvertedFile out = convert_as("int8");
  const std::string key(internal::kFormatsKey);
  file::Metadata metadata = out.view.metadata();
  metadata.erase(key);
  EXPECT_EQ(reopened(out, metadata).status().message(),
            "'changed': no 'lanewise.formats' in the metadata");
  for (const auto& [json, message] : {std::pair("[]", "expected an object, found an array"),
                                      {"{", "not JSON: error at byte 2"},
                                      {R"({"a": 8})", "a: expected a string, found 8"}}) {
    metadata[key] = json;
    const Status status = reopened(out, metadata).status();
    EXPECT_EQ(status.code(), StatusCode::kDataLoss);
    EXPECT_EQ(status.message(), "'changed': lanewise.formats: " + std::string(message));
  }
  metadata[key] = R"({"a": "q9"})";
  const Status unknown = reopened(out, metadata).status();
  EXPECT_EQ(unknown.code(), StatusCode::kUnsupported);
  EXPECT_TRUE(has(unknown.message(), "a: expected one of f32, bf16, i8", "found 'q9'"));
  // The type does not determine a format: without an entry it is f32.
  metadata[key] = "{}";
  const Result<Model> silent = reopened(out, metadata);
  ASSERT_TRUE(silent.ok()) << silent.status().message();
  EXPECT_TRUE(has(Embedder::create(*silent, {}).status().message(), "'table_scale'"));
}

TEST_F(WeightFormatsTest, ATableHasARowForEachId) {
  use("marian");
  const ConvertedFile out = convert_as("int8");
  file::Metadata metadata = out.view.metadata();
  std::string& task = metadata[std::string(internal::kTaskKey)];
  const nlohmann::json json = nlohmann::json::parse(task);
  const auto vocabulary = json.at("vocabulary_size").get<int64_t>();
  // One more matches the panels, but has no scale.
  nlohmann::json more = json;
  more["vocabulary_size"] = vocabulary + 1;
  task = more.dump();
  EXPECT_TRUE(has(reopened(out, metadata).status().message(),
                  "the task needs " + std::to_string(vocabulary + 1) + " rows"));
}

TEST_F(WeightFormatsTest, ATiedTableIsStoredOnce) {
  for (const char* variant : {"marian", "bart", "m2m_100"}) {
    use(variant);
    for (const auto& [weights, format] :
         {std::pair("f32", "f32"), {"bf16", "bf16"}, {"int8", "i8"}, {"int4", "i8"}}) {
      SCOPED_TRACE(std::string(variant) + " " + weights);
      const ConvertedFile out = convert_as(weights);
      std::set<std::string> tables;
      std::set<std::string> products;
      for (const graph::Node& node : out.graph.nodes) {
        if (node.op == "embed") tables.insert(node.weights.at("table").front());
        if (node.op == "linear") products.insert(node.weights.at("weight").front());
      }
      ASSERT_EQ(tables.size(), 1U);
      EXPECT_TRUE(products.contains(*tables.begin())) << *tables.begin();
      EXPECT_EQ(formats_of(out).at(*tables.begin()), format);
      EXPECT_TRUE(Model::open(destination()).ok());
    }
  }
}

}  // namespace
}  // namespace lanewise::converters
