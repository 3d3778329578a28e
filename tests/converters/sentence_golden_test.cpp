// Folders of sentence-transformers, and its embeddings of texts with them:
// tests/reference/make_sentence_golden.py.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "lanewise/embedder.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/hashed_weights.hpp"

namespace lanewise::converters {
namespace {

using Json = nlohmann::json;

constexpr double kSentenceGoldenTolerance = 2e-5;  // of the largest magnitude

const Json& sentence_golden_golden() {
  static const Json json = [] {
    std::ifstream file(data_path("sentence_transformers/golden.json"));
    return Json::parse(file, nullptr, /*allow_exceptions=*/false);
  }();
  return json;
}

/// Computed as in the script. A module's tensor names are prefixed with its folder.
Tensor weight(const std::string& folder, const std::string& name, const Shape& shape) {
  const std::string full = folder.empty() ? name : folder + "/" + name;
  const bool norm =
      (full.find("norm") != std::string::npos || full.find("Norm") != std::string::npos) &&
      full.ends_with("weight");
  return norm ? hashed_tensor(full, shape, 0.25F, 1.0F) : hashed_tensor(full, shape, 0.5F, 0.0F);
}

class SentenceGoldenTest : public CheckpointFolderTest {
 protected:
  void write_folder(const Json& files, const Json& tensors) {
    for (const auto& [name, contents] : files.items()) put(name, contents.dump());
    for (const auto& [name, shapes] : tensors.items()) {
      const std::string folder = std::filesystem::path(name).parent_path().string();
      TensorMap weights;
      for (const auto& [tensor, shape] : shapes.items()) {
        weights[tensor] = weight(folder, tensor, shape.get<Shape>());
      }
      write_tensors(name, weights);
    }
    std::string vocabulary;
    for (const Json& token : sentence_golden_golden().at("vocabulary")) {
      vocabulary += token.get<std::string>() + "\n";
    }
    put("vocab.txt", vocabulary);
  }

  static void expect_embeddings(Embedder& embedder, const Json& expected) {
    const auto texts = sentence_golden_golden().at("texts").get<std::vector<std::string>>();
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    const auto found = embedder.embed(views);
    ASSERT_TRUE(found.ok()) << found.status().message();
    for (int64_t i = 0; i < found->count; ++i) {
      const auto row = expected.at(static_cast<size_t>(i)).get<std::vector<double>>();
      ASSERT_EQ(row.size(), static_cast<size_t>(found->dimension));
      double largest = 0.0;
      for (const double x : row) largest = std::max(largest, std::abs(x));
      for (size_t j = 0; j < row.size(); ++j) {
        ASSERT_NEAR(static_cast<double>((*found)[i][j]), row[j], kSentenceGoldenTolerance * largest)
            << "text " << i << ", feature " << j;
      }
    }
  }
};

TEST_F(SentenceGoldenTest, EmbedsAsSentenceTransformersDoes) {
  ASSERT_TRUE(sentence_golden_golden().is_object()) << "LANEWISE_TEST_DATA is not tests/data";
  for (const auto& [name, one] : sentence_golden_golden().at("cases").items()) {
    SCOPED_TRACE(name);
    std::filesystem::remove_all(source_);
    std::filesystem::create_directory(source_);
    write_folder(one.at("files"), one.at("tensors"));
    // Through a model file, which must store prompts too.
    ASSERT_TRUE(convert_folder().ok()) << convert_folder().message();
    const Result<Model> model = Model::open(destination());
    ASSERT_TRUE(model.ok()) << model.status().message();
    for (const auto& [prompt, embeddings] : one.at("results").items()) {
      SCOPED_TRACE("prompt '" + prompt + "'");
      Result<Embedder> embedder = Embedder::create(*model);
      ASSERT_TRUE(embedder.ok()) << embedder.status().message();
      if (!prompt.empty()) {
        ASSERT_TRUE(embedder->set_prompt(prompt).ok());
      }
      expect_embeddings(*embedder, embeddings);
    }
  }
}

TEST_F(SentenceGoldenTest, APromptThatTheModelDoesNotHaveIsNamed) {
  const Json& one = sentence_golden_golden().at("cases").at("prompts");
  write_folder(one.at("files"), one.at("tensors"));
  const Result<Model> model = load(source_.string(), options_);
  ASSERT_TRUE(model.ok()) << model.status().message();
  Result<Embedder> embedder = Embedder::create(*model);
  const Status status = embedder->set_prompt("passages");
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(),
            "unknown prompt 'passages'; known: 'document', 'empty', 'passage', 'query'");
  expect_embeddings(*embedder, one.at("results").at("query"));
  ASSERT_TRUE(embedder->set_prompt("").ok());
  expect_embeddings(*embedder, one.at("results").at("empty"));
}

TEST_F(SentenceGoldenTest, ACancelledCallReadsNoFurtherText) {
  const Json& one = sentence_golden_golden().at("cases").at("prompts");
  write_folder(one.at("files"), one.at("tensors"));
  const Result<Model> model = load(source_.string(), options_);
  ASSERT_TRUE(model.ok()) << model.status().message();
  Result<Embedder> embedder = Embedder::create(*model);
  const std::atomic<bool> cancel = true;
  // An invalid text, which would be noticed first.
  const std::string_view text = "\xFF";
  const Status cancelled = embedder->embed({&text, 1}, {.cancel = &cancel}).status();
  EXPECT_EQ(cancelled.code(), StatusCode::kCancelled) << cancelled.message();
  RunOptions late;
  late.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  EXPECT_EQ(embedder->embed({&text, 1}, late).status().code(), StatusCode::kCancelled);
  EXPECT_EQ(embedder->embed({&text, 1}).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(SentenceGoldenTest, PromptsThatAreNotPooledAreRefusedWhereThereIsOne) {
  const Json& one = sentence_golden_golden().at("cases").at("prompts");
  write_folder(one.at("files"), one.at("tensors"));
  Json pooling = one.at("files").at("1_Pooling/config.json");
  pooling["include_prompt"] = false;
  put("1_Pooling/config.json", pooling.dump());
  const Result<Model> model = load(source_.string(), options_);
  ASSERT_TRUE(model.ok()) << model.status().message();
  Result<Embedder> embedder = Embedder::create(*model);
  const std::string_view text = "boat";
  const auto refused = embedder->embed({&text, 1});
  EXPECT_EQ(refused.status().code(), StatusCode::kUnsupported);
  EXPECT_TRUE(has(refused.status().message(), "include_prompt"));
  ASSERT_TRUE(embedder->set_prompt("empty").ok());
  expect_embeddings(*embedder, one.at("results").at("empty"));
}

}  // namespace
}  // namespace lanewise::converters
