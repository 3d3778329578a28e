#include "lanewise/convert.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "tests/converters/checkpoint_folder.hpp"
#include "tests/read_file.hpp"

namespace lanewise::converters {
namespace {

using ConvertTest = CheckpointFolderTest;

/// The definition of panels, by element: `sources` [rows, k] one below the other.
void expect_panels(const TensorView& panels, const std::vector<const Tensor*>& sources) {
  std::vector<const float*> rows;
  const int64_t k = sources.front()->shape()[1];
  for (const Tensor* source : sources) {
    for (int64_t row = 0; row < source->shape()[0]; ++row) {
      rows.push_back(source->as<float>() + row * k);
    }
  }
  const auto n = static_cast<int64_t>(rows.size());
  ASSERT_EQ(panels.shape, (Shape{(n + 15) / 16, k, 16}));
  for (int64_t p = 0; p < panels.shape[0]; ++p) {
    for (int64_t i = 0; i < k; ++i) {
      for (int64_t j = 0; j < 16; ++j) {
        const int64_t row = 16 * p + j;
        const float expected = row < n ? rows[static_cast<size_t>(row)][i] : 0.0F;
        ASSERT_EQ(panels.as<float>()[(p * k + i) * 16 + j], expected) << p << " " << i << " " << j;
      }
    }
  }
}

void expect_rows(const TensorView& tensor, const Tensor& source) {
  ASSERT_EQ(tensor.shape, source.shape());
  for (int64_t i = 0; i < *element_count(tensor.shape); ++i) {
    ASSERT_EQ(tensor.as<float>()[i], source.as<float>()[i]) << i;
  }
}

TEST_F(ConvertTest, WritesAModelFile) {
  write_all();
  const ConvertedFile out = converted();
  EXPECT_EQ(out.metadata("lanewise.format"), "2");
  EXPECT_TRUE(has(out.tokenizer(), "##a"));
  const auto task = nlohmann::json::parse(out.metadata("lanewise.task"));
  EXPECT_TRUE(task.is_object());
  for (const file::TensorEntry& entry : out.view.tensors()) {
    if (entry.name == "lanewise.checksums") continue;  // which no kernel reads
    EXPECT_EQ(reinterpret_cast<uintptr_t>(out.view.view(entry).data) % 64, 0U) << entry.name;
    EXPECT_EQ(entry.type, entry.name == "lanewise.tokenizer" ? DataType::kU8 : DataType::kF32);
  }
  EXPECT_EQ(files_out(), 1);
}

TEST_F(ConvertTest, RecordsNamesAndHashesOfItsSources) {
  write_all();
  const ConvertedFile out = converted();
  const std::string& provenance = out.metadata("lanewise.provenance");
  EXPECT_FALSE(has(provenance, source_.string()));
  std::map<std::string, std::string> hashes;
  const auto json = nlohmann::json::parse(provenance);
  for (const auto& file : json.at("files")) {
    hashes[file.at("name")] = file.at("sha256");
  }
  EXPECT_EQ(hashes.size(), 3U);
  EXPECT_EQ(hashes["config.json"].size(), 64U);
  EXPECT_EQ(hashes["model.safetensors"].size(), 64U);
  EXPECT_EQ(hashes["vocab.txt"],
            "91223a4daf539041682e36a0eb50f6714358e3c34acd3df45d3984a4d385b1e5");
}

TEST_F(ConvertTest, PacksEveryWeight) {
  write_all();
  const ConvertedFile out = converted();
  for (const graph::Node& node : out.graph.nodes) {
    for (const auto& [role, names] : node.weights) EXPECT_EQ(names.size(), 1U) << node.name;
  }
  const auto source = [&](const std::string& name) { return &tensors_.find(name)->second; };
  expect_rows(out.weight("embeddings", "table"), *source("embeddings.word_embeddings.weight"));
  expect_rows(out.weight("embeddings", "position_table"),
              *source("embeddings.position_embeddings.weight"));
  expect_rows(out.weight("embeddings.LayerNorm", "weight"), *source("embeddings.LayerNorm.weight"));
  const std::string layer = "encoder.layer.1.";
  expect_panels(out.weight(layer + "output.dense", "weight"),
                {source(layer + "output.dense.weight")});
  expect_rows(out.weight(layer + "output.dense", "bias"), *source(layer + "output.dense.bias"));
  expect_panels(out.weight(layer + "intermediate.dense", "weight"),
                {source(layer + "intermediate.dense.weight")});
}

TEST_F(ConvertTest, JoinsQueryKeyAndValue) {
  write_all();
  const ConvertedFile out = converted();
  const std::string self = "encoder.layer.0.attention.self.";
  const auto source = [&](const std::string& name) { return &tensors_.find(self + name)->second; };
  const graph::Node& attention = out.node("encoder.layer.0.attention.self");
  ASSERT_EQ(attention.inputs.size(), 1U);
  const graph::Node* merged = out.graph.producer(attention.inputs[0]);
  ASSERT_NE(merged, nullptr);
  expect_panels(out.weight(merged->name, "weight"),
                {source("query.weight"), source("key.weight"), source("value.weight")});
  const TensorView bias = out.weight(merged->name, "bias");
  ASSERT_EQ(bias.shape, Shape{3 * kHidden});
  EXPECT_EQ(bias.as<float>()[kHidden + 3], source("key.bias")->as<float>()[3]);
}

TEST_F(ConvertTest, IsTheSameEveryTime) {
  write_all();
  const auto bytes = [&] {
    const ConvertedFile out = converted();
    const auto all = out.mapped.bytes();
    return std::string(reinterpret_cast<const char*>(all.data()), all.size());
  };
  EXPECT_EQ(bytes(), bytes());
}

TEST_F(ConvertTest, PassesNanAndInfinityOn) {
  write_all();
  float* w = tensors_["encoder.layer.0.output.dense.bias"].as<float>();
  w[0] = std::numeric_limits<float>::quiet_NaN();
  w[1] = -std::numeric_limits<float>::infinity();
  write_tensors("model.safetensors", tensors_);
  const ConvertedFile out = converted();
  const float* bias = out.weight("encoder.layer.0.output.dense", "bias").as<float>();
  EXPECT_TRUE(std::isnan(bias[0]));
  EXPECT_EQ(bias[1], w[1]);
}

TEST_F(ConvertTest, LoadsACheckpointAndAModelFile) {
  write_all();
  const Result<Model> in_memory = load(source_.string(), options_);
  ASSERT_TRUE(in_memory.ok()) << in_memory.status().message();
  ASSERT_TRUE(convert_folder().ok());
  const Result<Model> from_file = load(destination(), options_);
  ASSERT_TRUE(from_file.ok()) << from_file.status().message();
  for (const Model* model : {&*in_memory, &*from_file}) {
    EXPECT_EQ(model->info().family, "bert");
    EXPECT_EQ(model->info().task, "embedding");
    EXPECT_EQ(model->info().vocabulary_size, kVocabulary);
    EXPECT_EQ(model->info().token_types, 2);
    EXPECT_EQ(model->info().max_tokens, kPositions);
    ASSERT_EQ(model->info().outputs.size(), 2U);
    EXPECT_EQ(model->info().outputs[0].name, "last_hidden_state");
    EXPECT_EQ(model->info().outputs[1].name, "sentence_embedding");
  }
}

TEST_F(ConvertTest, TakesAFileWithItsConfigBeside) {
  write_all();
  std::filesystem::rename(path("model.safetensors"), path("weights.bin"));
  const Status status = convert_path(path("weights.bin"));  // recognised by its content
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST_F(ConvertTest, TakesAnotherConfig) {
  write_all();
  std::filesystem::rename(path("config.json"), root_ / "elsewhere.json");
  EXPECT_TRUE(has(failure(StatusCode::kNotFound), "has no config.json"));
  options_.config = (root_ / "elsewhere.json").string();
  EXPECT_TRUE(has(converted().metadata("lanewise.provenance"), "\"elsewhere.json\""));
}

TEST_F(ConvertTest, WorksWithoutATokenizer) {
  write_all();
  std::filesystem::remove(path("vocab.txt"));
  EXPECT_EQ(converted().tokenizer(), "");
  EXPECT_TRUE(
      reported("no tokenizer.json, vocab.txt, vocab.json with merges.txt or SentencePiece"));
}

TEST_F(ConvertTest, NamesWhatIsWrongWithTheConfigFile) {
  write_all();
  put("config.json", "{\"model_type\": ");
  EXPECT_TRUE(has(failure(StatusCode::kDataLoss), "config.json': not JSON"));
  put("config.json", "[1]");
  EXPECT_TRUE(has(failure(StatusCode::kDataLoss), "expected an object, found an array"));
  put("config.json", "{\"a\": 1e999}");
  failure(StatusCode::kDataLoss);
  put("config.json", std::string(100'000, '['));
  failure(StatusCode::kDataLoss);
  put("config.json", "{}");
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "'model_type' is missing"));
  put("config.json", "{\"model_type\": 3}");
  EXPECT_TRUE(
      has(failure(StatusCode::kInvalidArgument), "'model_type': expected a string, found 3"));
  put("config.json", "{\"model_type\": \"mamba\\n\"}");
  EXPECT_TRUE(has(failure(StatusCode::kUnsupported), "unknown model_type 'mamba?'",
                  "known: albert, ", ", bert, "));
}

TEST_F(ConvertTest, NamesEveryMissingTensor) {
  tensors_.erase("encoder.layer.0.output.dense.bias");
  tensors_.erase("embeddings.LayerNorm.weight");
  tensors_.erase("encoder.layer.1.attention.self.key.weight");
  write_all();
  EXPECT_TRUE(
      has(failure(StatusCode::kNotFound), "3 tensors are missing: 'embeddings.LayerNorm.weight', ",
          "'encoder.layer.0.output.dense.bias'", "'encoder.layer.1.attention.self.key.weight'"));
}

TEST_F(ConvertTest, NamesMisshapedAndMissingTensorsTogether) {
  set_tensor("encoder.layer.0.output.dense.weight", {kIntermediate, kHidden});
  set_tensor("embeddings.LayerNorm.bias", {kHidden, 1});
  tensors_.erase("embeddings.LayerNorm.weight");
  write_all();
  EXPECT_TRUE(has(failure(StatusCode::kNotFound),
                  "1 tensor is missing: 'embeddings.LayerNorm.weight'; ",
                  "2 tensors have the wrong shape: 'embeddings.LayerNorm.bias' "
                  "expected [20], file has [20, 1]",
                  "'encoder.layer.0.output.dense.weight' expected [20, 36], file has "
                  "[36, 20]"));
}

TEST_F(ConvertTest, NamesTheFirstTenOfMany) {
  tensors_.clear();
  set_tensor("something.else", {1});
  write_all();
  EXPECT_TRUE(has(failure(StatusCode::kNotFound), "37 tensors are missing: ", "and 27 more"));
}

TEST_F(ConvertTest, RefusesIntegerWeights) {
  tensors_["embeddings.LayerNorm.bias"] = Tensor(DataType::kI32, {kHidden});
  write_all();
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument),
                  "1 tensor is not floating-point: 'embeddings.LayerNorm.bias' I32"));
}

TEST_F(ConvertTest, ReportsUnusedTensorsAndKnownLeftovers) {
  add_prefix("bert.");
  config_["architectures"] = R"(["BertModel"])";
  set_tensor("cls.predictions.bias", {kVocabulary});
  set_tensor("classifier.weight", {2, kHidden});
  tensors_["bert.embeddings.position_ids"] = Tensor(DataType::kI64, {1, kPositions});
  write_all();
  converted();
  EXPECT_TRUE(reported("2 tensors are unused: 'classifier.weight', 'cls.predictions.bias'"));
  EXPECT_TRUE(reported("1 tensor is ignored (not a weight): 'bert.embeddings.position_ids'"));
}

TEST_F(ConvertTest, RefusesAConvertedModelAsSource) {
  write_all();
  converted();
  const Status status = convert(destination(), (root_ / "again.lw").string(), options_);
  EXPECT_TRUE(has(status.message(), "is already a converted model"));
}

TEST_F(ConvertTest, DoesNotOverwriteItsSource) {
  write_all();
  const auto size = std::filesystem::file_size(path("model.safetensors"));
  const Status status = convert(source_.string(), path("model.safetensors"), options_);
  EXPECT_TRUE(has(status.message(), "it is part of the checkpoint"));
  EXPECT_EQ(std::filesystem::file_size(path("model.safetensors")), size);
}

TEST_F(ConvertTest, DoesNotOverwriteItsTokenizer) {
  write_all();
  const auto size = std::filesystem::file_size(path("vocab.txt"));
  const Status status = convert(source_.string(), path("vocab.txt"), options_);
  EXPECT_TRUE(has(status.message(), "it is part of the checkpoint"));
  EXPECT_EQ(std::filesystem::file_size(path("vocab.txt")), size);
}

TEST_F(ConvertTest, LeavesNothingWhenCancelled) {
  write_all();
  std::atomic<bool> cancel{true};
  options_.cancel = &cancel;
  for (const char* weights : {"f32", "bf16", "int8", "int4"}) {
    options_.weights = weights;
    EXPECT_EQ(convert_folder().code(), StatusCode::kCancelled);
    EXPECT_EQ(files_out(), 0);
  }
  cancel = false;
  EXPECT_TRUE(convert_folder().ok());
}

TEST_F(ConvertTest, NamesAnUnwritableDestination) {
  write_all();
  const std::string nowhere = (root_ / "no such folder" / "m.lw").string();
  const Status status = convert(source_.string(), nowhere, options_);
  EXPECT_TRUE(has(status.message(), nowhere));
  EXPECT_EQ(files_out(), 0);
}

TEST_F(ConvertTest, NamesASourceThatIsNotThere) {
  EXPECT_TRUE(has(failure(StatusCode::kNotFound, path("nothing")), "nothing'"));
  EXPECT_EQ(load(path("nothing")).status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(has(failure(StatusCode::kNotFound), "has no config.json"));
  write_config();
  EXPECT_TRUE(has(failure(StatusCode::kNotFound), "contains no weights: expected model.safe"));
}

TEST_F(ConvertTest, SurvivesDamagedFiles) {
  write_all();
  put("modules.json",
      R"([{"type": "sentence_transformers.a.Transformer", "path": ""},
          {"type": "sentence_transformers.b.Pooling", "path": "p"}])");
  put("p/config.json", R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false})");
  std::mt19937 random(11);
  for (const char* name : {"config.json", "modules.json", "p/config.json", "model.safetensors"}) {
    const std::string good = test::read_file(path(name));
    // In a safetensors file only the header can be inconsistent; damaged values are still values.
    const size_t reach = std::min<size_t>(good.size(), 3000);
    for (int round = 0; round < 150; ++round) {
      std::string bad = good;
      for (int change = 0; change < 1 + round % 3; ++change) {
        bad[random() % reach] =
            static_cast<char>(random() % 3 == 0 ? random() % 256 : "0129-\"{}[],:e"[random() % 13]);
      }
      if (round % 10 == 0) bad.resize(random() % bad.size());
      put(name, bad);
      const Status status = convert_folder();
      if (status.ok()) {
        std::filesystem::remove(destination());
      } else {
        EXPECT_EQ(status.message().find('\n'), std::string::npos);
      }
      ASSERT_EQ(files_out(), 0) << status.message();
    }
    put(name, good);
  }
  EXPECT_TRUE(convert_folder().ok());
}

}  // namespace
}  // namespace lanewise::converters
