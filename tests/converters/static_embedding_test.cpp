#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/embedder.hpp"
#include "lanewise/inspect.hpp"
#include "tests/converters/checkpoint_folder.hpp"

namespace lanewise::converters {
namespace {

constexpr int64_t kDimension = 6;

/// A folder with the tokenizer of the tiny BERT and a table of vectors.
class StaticEmbeddingTest : public CheckpointFolderTest {
 protected:
  void SetUp() override {
    CheckpointFolderTest::SetUp();
    tensors_.clear();
    set_tensor("embedding.weight", {kVocabulary, kDimension});
    put("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\nd\ne\n##a\n##b\n##c\n");
  }

  void put_modules(const std::string& more = {}) {
    put("modules.json",
        R"([{"type": "sentence_transformers.models.StaticEmbedding", "path": ""})" + more + "]");
    write_tensors("model.safetensors", tensors_);
  }

  void put_model2vec(const std::string& normalize, const std::string& more = {}) {
    put("config.json", R"({"model_type": "model2vec", "normalize": )" + normalize + more + "}");
    write_tensors("model.safetensors", tensors_);
  }

  std::vector<float> vector_of(std::string_view text) {
    const Result<Model> model = load(source_.string(), options_);
    EXPECT_TRUE(model.ok()) << model.status().message();
    Result<Embedder> embedder = Embedder::create(*model);
    EXPECT_TRUE(embedder.ok()) << embedder.status().message();
    const std::string_view texts[] = {"a", text, ""};
    const auto found = embedder->embed(texts);
    EXPECT_TRUE(found.ok()) << found.status().message();
    for (const float x : (*found)[2]) EXPECT_EQ(x, 0.0F);  // no token
    return {(*found)[1].begin(), (*found)[1].end()};
  }

  /// A tokenizer.json with words of one letter, the unknown token having its id only.
  void put_unigram(const std::string& truncation) {
    put("tokenizer.json", R"({"truncation": )" + truncation +
                              R"(, "pre_tokenizer": {"type": "WhitespaceSplit"}, "model": {
        "type": "Unigram", "unk_id": 1, "vocab": [["<pad>", 0], ["<unk>", 0], ["a", -1],
        ["b", -1], ["c", -1], ["d", -1], ["e", -1], ["f", -1], ["g", -1], ["h", -1], ["i", -1],
        ["j", -1], ["k", -1]]}})");
  }

  int64_t limit() {
    const Result<Model> model = load(source_.string(), options_);
    EXPECT_TRUE(model.ok()) << model.status().message();
    return model.ok() ? model->info().max_text_tokens : 0;
  }

  float value(const std::string& tensor, int64_t row, int64_t column = 0) const {
    const Tensor& found = tensors_.at(tensor);
    return found.as<float>()[row * (found.shape().size() == 2 ? found.shape()[1] : 1) + column];
  }
};

TEST_F(StaticEmbeddingTest, IsTheMeanWithoutSpecialTokens) {
  put_modules();
  const std::vector<float> found = vector_of("a b ? b");
  for (int64_t i = 0; i < kDimension; ++i) {
    const double expected =
        (value("embedding.weight", 5, i) + 2.0 * value("embedding.weight", 6, i) +
         value("embedding.weight", 1, i)) /
        4;
    EXPECT_NEAR(found[static_cast<size_t>(i)], expected, 1e-6);
  }
}

TEST_F(StaticEmbeddingTest, OtherModulesFollow) {
  put_modules(R"(, {"type": "sentence_transformers.models.Normalize", "path": "1"})");
  double squares = 0;
  for (const float x : vector_of("a b c")) squares += std::pow(x, 2);
  EXPECT_NEAR(squares, 1, 1e-6);
  put_modules(R"(, {"type": "sentence_transformers.models.Pooling", "path": "1"})");
  EXPECT_TRUE(has(failure(StatusCode::kUnsupported), "'Pooling'", "StaticEmbedding"));
}

TEST_F(StaticEmbeddingTest, Model2VecsTablesAreFoldedAndUnknownTokensLeftOut) {
  tensors_.clear();
  set_tensor("embeddings", {3, kDimension});
  set_tensor("weights", {kVocabulary});
  Tensor mapping(DataType::kI64, {kVocabulary});
  for (int64_t i = 0; i < kVocabulary; ++i) mapping.as<int64_t>()[i] = i % 3;
  tensors_["mapping"] = mapping;
  put_model2vec("true");
  const std::vector<float> found = vector_of("a ? b");
  std::vector<double> sums;
  double squares = 0;
  for (int64_t i = 0; i < kDimension; ++i) {
    sums.push_back(value("embeddings", 2, i) * value("weights", 5) +
                   value("embeddings", 0, i) * value("weights", 6));
    squares += std::pow(sums.back(), 2);
  }
  for (size_t i = 0; i < sums.size(); ++i) {
    EXPECT_NEAR(found[i], sums[i] / std::sqrt(squares), 1e-5);
  }
  EXPECT_FALSE(reported("ignored"));
  EXPECT_FALSE(reported("unused"));
  put_model2vec("false");
  const std::vector<float> mean = vector_of("a ? b");
  for (size_t i = 0; i < sums.size(); ++i) EXPECT_NEAR(mean[i], sums[i] / 2, 1e-5);
  const Result<CheckpointContents> contents = describe_checkpoint(source_.string(), options_);
  ASSERT_TRUE(contents.ok()) << contents.status().message();
  for (const StoredTensorInfo& tensor : contents->tensors) {
    const bool folded = tensor.becomes == "folded into other weights";
    EXPECT_EQ(folded, tensor.name != "embeddings") << tensor.name;
  }
  tensors_["mapping"].as<int64_t>()[4] = 3;
  put_model2vec("true");
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), source_.string(),
                  "'mapping': 3 is outside 0 to 2"));
  tensors_.erase("mapping");
  put_model2vec("true");
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "'weights': expected [3]"));
  tensors_.clear();
  set_tensor("other", {3, kDimension});
  put_model2vec("true");
  EXPECT_TRUE(has(failure(StatusCode::kNotFound), "'embedding.weight' or 'embeddings'"));
}

TEST_F(StaticEmbeddingTest, Model2VecsBytesAreNumbers) {
  tensors_.clear();
  Tensor table(DataType::kI8, {kVocabulary, kDimension});
  for (int64_t i = 0; i < kVocabulary * kDimension; ++i) {
    table.as<int8_t>()[i] = static_cast<int8_t>(i * 37 % 255 - 127);
  }
  tensors_["embeddings"] = table;
  const auto number = [&](int64_t row, int64_t i) {
    return static_cast<double>(table.as<int8_t>()[row * kDimension + i]);
  };
  put_model2vec("false");
  const std::vector<float> plain = vector_of("a ? b");
  for (int64_t i = 0; i < kDimension; ++i) {
    EXPECT_EQ(plain[static_cast<size_t>(i)], (number(5, i) + number(6, i)) / 2);
  }
  EXPECT_FALSE(reported("unused"));
  set_tensor("weights", {kVocabulary});
  Tensor mapping(DataType::kI32, {kVocabulary});
  for (int64_t i = 0; i < kVocabulary; ++i) mapping.as<int32_t>()[i] = kVocabulary - 1 - i;
  tensors_["mapping"] = mapping;
  put_model2vec("false");
  const std::vector<float> selected = vector_of("a ? b");
  for (int64_t i = 0; i < kDimension; ++i) {
    const double sum = number(kVocabulary - 6, i) * value("weights", 5) +
                       number(kVocabulary - 7, i) * value("weights", 6);
    EXPECT_NEAR(selected[static_cast<size_t>(i)], sum / 2, 1e-3);
  }
  // Other integers are no vectors.
  tensors_["embeddings"] = Tensor(DataType::kI32, {kVocabulary, kDimension});
  put_model2vec("false");
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "not floating-point", "embeddings"));
}

TEST_F(StaticEmbeddingTest, UnknownTokensOfUnigramModelsAreLeftOut) {
  put_unigram("null");
  put_model2vec("true");
  const std::vector<float> found = vector_of("a ?");
  double squares = 0;
  for (int64_t i = 0; i < kDimension; ++i) {
    squares += std::pow(value("embedding.weight", 2, i), 2);
  }
  for (int64_t i = 0; i < kDimension; ++i) {
    EXPECT_NEAR(found[static_cast<size_t>(i)], value("embedding.weight", 2, i) / std::sqrt(squares),
                1e-5);
  }
  for (const char* bad : {"\"x\"", "-2", "13", "4294967297", "9223372036854775808"}) {
    put("tokenizer.json", R"({"model": {"type": "Unigram", "vocab": [["a", 0]], "unk_id": )" +
                              std::string(bad) + "}}");
    EXPECT_TRUE(has(failure(StatusCode::kDataLoss), "tokenizer", "unk_id")) << bad;
  }
}

/// The median of the tokens of vocab.txt has 3 characters.
TEST_F(StaticEmbeddingTest, Model2VecTruncatesTextsByCharactersFirst) {
  put_model2vec("true", R"(, "max_length": 2)");
  EXPECT_EQ(load(source_.string(), options_)->info().max_text_characters, 6);
  EXPECT_EQ(vector_of("    a b"), vector_of("a"));
  EXPECT_EQ(vector_of("\u00df\u00df\u00df\u00df a b"), vector_of("a"));
  EXPECT_EQ(vector_of("a b c"), vector_of("a b"));
  // Truncation comes before unknown tokens are removed.
  EXPECT_EQ(vector_of("? a b"), vector_of("a"));
  EXPECT_EQ(vector_of("? ? a"), std::vector<float>(kDimension, 0.0F));
  put_model2vec("true", R"(, "max_length": null)");
  EXPECT_EQ(load(source_.string(), options_)->info().max_text_characters, 0);
  EXPECT_EQ(vector_of("           a"), vector_of("a"));
}

TEST_F(StaticEmbeddingTest, TextsCutByCharactersAreTruncatedOnesAndUtf8ToTheirEnd) {
  put_model2vec("true", R"(, "max_length": 2)");
  const Result<Model> model = load(source_.string(), options_);
  ASSERT_TRUE(model.ok()) << model.status().message();
  Result<Embedder> embedder = Embedder::create(*model);
  ASSERT_TRUE(embedder.ok()) << embedder.status().message();
  const std::string_view texts[] = {"     a", "     ab"};
  const auto found = embedder->embed(texts);
  ASSERT_TRUE(found.ok()) << found.status().message();
  EXPECT_FALSE(found->truncated[0]);
  EXPECT_TRUE(found->truncated[1]);
  const std::string_view damaged[] = {"a", "abcdef\xFF"};
  EXPECT_TRUE(has(embedder->embed(damaged).status().message(), "text 2", "UTF-8"));
}

TEST_F(StaticEmbeddingTest, TextsHaveTheLimitsOfTheirLibrary) {
  put_model2vec("true");
  EXPECT_EQ(limit(), 512);
  put_model2vec("true", R"(, "max_length": 7)");
  EXPECT_EQ(limit(), 7);
  put_model2vec("true", R"(, "max_length": null)");
  EXPECT_EQ(limit(), 1'000'000);
  put_model2vec("true", R"(, "max_length": 0)");
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "'max_length'"));
  put_modules();
  put_unigram("null");
  EXPECT_EQ(limit(), 1'000'000);
  put_unigram(R"({"max_length": 9, "direction": "Right"})");
  EXPECT_EQ(limit(), 9);
}

}  // namespace
}  // namespace lanewise::converters
