// Adapters of PEFT, merged into their base.

#include "converters/adapters/lora.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/converters/checkpoint_folder.hpp"

namespace lanewise::converters {
namespace {

const std::string kQuery = "encoder.layer.0.attention.self.query";
const std::string kDense = "encoder.layer.1.output.dense";

/// An adapter beside its base, the tiny BERT of CheckpointFolderTest.
class LoraTest : public CheckpointFolderTest {
 protected:
  void SetUp() override {
    CheckpointFolderTest::SetUp();
    write_all();
    adapter_config_ = {{"peft_type", "\"LORA\""},
                       {"base_model_name_or_path", "\"../source\""},
                       {"r", "2"},
                       {"lora_alpha", "4"},
                       {"target_modules", "[\"query\"]"}};
  }

  std::string adapter() const { return (root_ / "adapter").string(); }

  void put_adapter(const TensorMap& tensors) {
    std::filesystem::create_directory(adapter());
    std::string json = "{";
    for (const auto& [field, value] : adapter_config_) {
      json += (json.size() > 1 ? ", \"" : "\"") + field + "\": " + value;
    }
    std::ofstream(adapter() + "/adapter_config.json") << json << "}";
    write_tensors("../adapter/adapter_model.safetensors", tensors);
  }

  /// [rows, columns] of small integers, whose products and sums are exact.
  static Tensor integers(int64_t rows, int64_t columns, int seed) {
    Tensor tensor(DataType::kF32, {rows, columns});
    for (int64_t i = 0; i < rows * columns; ++i) {
      tensor.as<float>()[i] = static_cast<float>((i * 7 + seed) % 5 - 2);
    }
    return tensor;
  }

  /// The two matrices of a module [out, in].
  static TensorMap matrices(const std::string& module, int64_t out, int64_t in, int64_t rank = 2) {
    return {{module + ".lora_A.weight", integers(rank, in, 1)},
            {module + ".lora_B.weight", integers(out, rank, 2)}};
  }

  /// The base with scale * B A added to a weight [out, in].
  void merge(const std::string& module, const TensorMap& adapter, const std::string& names,
             float scale) {
    const Tensor& a = adapter.at(names + ".lora_A.weight");
    const Tensor& b = adapter.at(names + ".lora_B.weight");
    Tensor& w = tensors_.at(module + ".weight");
    const int64_t out = w.shape()[0], in = w.shape()[1], rank = a.shape()[0];
    for (int64_t o = 0; o < out; ++o) {
      for (int64_t i = 0; i < in; ++i) {
        float sum = 0;
        for (int64_t r = 0; r < rank; ++r) {
          sum += b.as<float>()[o * rank + r] * a.as<float>()[r * in + i];
        }
        w.as<float>()[o * in + i] += scale * sum;
      }
    }
  }

  /// The adapter gives the model of `tensors_`.
  void expect_merged() {
    ASSERT_TRUE(convert_path(adapter()).ok()) << convert_path(adapter()).message();
    const std::string merged = bytes_of(*opened());
    write();
    ASSERT_TRUE(convert_folder().ok());
    EXPECT_TRUE(merged == bytes_of(*opened()));
  }

  std::unique_ptr<ConvertedFile> opened() { return std::make_unique<ConvertedFile>(read_back()); }
  ConvertedFile read_back() {
    auto mapped = file::MappedFile::open(destination());
    auto view = file::SafetensorsView::parse(mapped->bytes(), destination());
    return {std::move(*mapped), std::move(*view), {}};
  }

  std::string refusal(StatusCode code) { return failure(code, adapter()); }

  std::map<std::string, std::string> adapter_config_;
};

TEST_F(LoraTest, AddsTheScaledProduct) {
  const std::string names = "base_model.model." + kQuery;
  const TensorMap tensors = matrices(names, kHidden, kHidden);
  put_adapter(tensors);
  merge(kQuery, tensors, names, 2);
  expect_merged();
}

TEST_F(LoraTest, ScalesAreThoseOfPeft) {
  const std::string names = "base_model.model." + kDense;
  const TensorMap tensors = matrices(names, kHidden, kIntermediate, 4);
  for (const auto& [fields, scale] :
       std::vector<std::pair<std::map<std::string, std::string>, float>>{
           {{{"r", "4"}}, 1},
           {{{"r", "4"}, {"use_rslora", "true"}}, 2},
           {{{"rank_pattern", R"({"dense": 4})"}}, 1},
           {{{"rank_pattern", R"({"output.dense": 4, "query": 3})"},
             {"alpha_pattern", R"({"^encoder.layer.1.output.dense": 32, "layer.1": 9})"}},
            8},
           {{{"r", "4"}, {"alpha_pattern", R"({"^dense": 32})"}}, 1}}) {
    const auto plain = adapter_config_;
    const TensorMap base = tensors_;
    for (const auto& [field, value] : fields) adapter_config_[field] = value;
    put_adapter(tensors);
    merge(kDense, tensors, names, scale);
    expect_merged();
    adapter_config_ = plain;
    tensors_ = base;
    write();
  }
}

TEST_F(LoraTest, ModulesMayHaveAnotherPrefix) {
  const TensorMap base = tensors_;
  for (const auto& [prefix, names] : std::vector<std::pair<std::string, std::string>>{
           {"bert.", kQuery}, {"", "bert." + kQuery}, {"", "model.bert." + kQuery}}) {
    tensors_ = base;
    add_prefix(prefix);
    write();
    const TensorMap tensors = matrices(names, kHidden, kHidden);
    put_adapter(tensors);
    merge(prefix + kQuery, tensors, names, 2);
    expect_merged();
  }
}

TEST_F(LoraTest, NamesMayHoldTheAdaptersName) {
  const TensorMap tensors = matrices(kQuery, kHidden, kHidden);
  TensorMap named;
  named[kQuery + ".lora_A.default.weight"] = tensors.at(kQuery + ".lora_A.weight");
  named[kQuery + ".lora_B.default.weight"] = tensors.at(kQuery + ".lora_B.weight");
  put_adapter(named);
  merge(kQuery, tensors, kQuery, 2);
  expect_merged();
  write();
  named[kDense + ".lora_A.other.weight"] = integers(2, kIntermediate, 1);
  put_adapter(named);
  std::filesystem::remove(destination());
  EXPECT_TRUE(has(refusal(StatusCode::kInvalidArgument), "several adapters: 'default', 'other'"));
}

TEST_F(LoraTest, Embeddings) {
  const std::string module = "embeddings.word_embeddings";
  const TensorMap tensors = {{module + ".lora_embedding_A", integers(2, kVocabulary, 1)},
                             {module + ".lora_embedding_B", integers(kHidden, 2, 2)}};
  put_adapter(tensors);
  Tensor& w = tensors_.at(module + ".weight");
  for (int64_t row = 0; row < kVocabulary; ++row) {
    for (int64_t i = 0; i < kHidden; ++i) {
      for (int64_t r = 0; r < 2; ++r) {
        w.as<float>()[row * kHidden + i] +=
            2 * tensors.at(module + ".lora_embedding_B").as<float>()[i * 2 + r] *
            tensors.at(module + ".lora_embedding_A").as<float>()[r * kVocabulary + row];
      }
    }
  }
  expect_merged();
}

TEST_F(LoraTest, WholeTensorsReplaceThoseOfTheBase) {
  TensorMap tensors = matrices(kQuery, kHidden, kHidden);
  merge(kQuery, tensors, kQuery, 2);
  tensors_.at("embeddings.LayerNorm.weight") = integers(kHidden, 1, 3);
  Tensor norm(DataType::kF32, {kHidden});
  Tensor bias(DataType::kF32, {kHidden});
  for (int64_t i = 0; i < kHidden; ++i) norm.as<float>()[i] = static_cast<float>(i);
  tensors_.at("embeddings.LayerNorm.weight") = norm;
  tensors_.at(kQuery + ".bias") = norm;
  tensors["embeddings.LayerNorm.modules_to_save.default.weight"] = norm;
  tensors[kQuery + ".base_layer.bias"] = norm;
  put_adapter(tensors);
  expect_merged();
}

TEST_F(LoraTest, BiasesOfB) {
  TensorMap tensors = matrices(kQuery, kHidden, kHidden);
  merge(kQuery, tensors, kQuery, 2);
  Tensor bias(DataType::kF32, {kHidden});
  for (int64_t i = 0; i < kHidden; ++i) {
    bias.as<float>()[i] = static_cast<float>(i);
    tensors_.at(kQuery + ".bias").as<float>()[i] += 2 * static_cast<float>(i);
  }
  tensors[kQuery + ".lora_B.bias"] = bias;
  adapter_config_["lora_bias"] = "true";
  put_adapter(tensors);
  expect_merged();
}

/// With the norms that the merged rows have anyway, DoRA changes nothing but roundings.
TEST_F(LoraTest, MagnitudesOfDora) {
  TensorMap tensors = matrices(kQuery, kHidden, kHidden);
  merge(kQuery, tensors, kQuery, 2);
  const Tensor& w = tensors_.at(kQuery + ".weight");
  Tensor magnitudes(DataType::kF32, {kHidden});
  for (int64_t o = 0; o < kHidden; ++o) {
    double squares = 0;
    for (int64_t i = 0; i < kHidden; ++i) {
      squares += std::pow(w.as<float>()[o * kHidden + i], 2.0);
    }
    magnitudes.as<float>()[o] = static_cast<float>(3 * std::sqrt(squares));
  }
  tensors[kQuery + ".lora_magnitude_vector"] = magnitudes;
  adapter_config_["use_dora"] = "true";
  put_adapter(tensors);
  auto base = open_checkpoint_folder(source_.string());
  auto opened = open_adapter(adapter());
  ASSERT_TRUE(base.ok() && opened.ok());
  const auto merged = merge_adapter(std::move(*base), std::move(*opened));
  ASSERT_TRUE(merged.ok()) << merged.status().message();
  Scratch scratch;
  const auto view = (*merged)->read(*(*merged)->find(kQuery + ".weight"), scratch);
  ASSERT_TRUE(view.ok());
  for (int64_t i = 0; i < kHidden * kHidden; ++i) {
    EXPECT_NEAR(view->as<float>()[i], 3 * w.as<float>()[i], 1e-5 * std::fabs(w.as<float>()[i]));
  }
}

TEST_F(LoraTest, TheAdaptersTokenizerComesFirst) {
  put_adapter(matrices(kQuery, kHidden, kHidden));
  std::ofstream(adapter() + "/vocab.txt") << "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nz\n";
  const auto contents = describe_checkpoint(adapter());
  ASSERT_TRUE(contents.ok()) << contents.status().message();
  EXPECT_EQ(contents->tokenizer, "WordPiece, 6 tokens");
  EXPECT_EQ(contents->files.size(), 3U);
}

TEST_F(LoraTest, TheBaseMayBeGiven) {
  adapter_config_["base_model_name_or_path"] = "\"owner/model\"";
  put_adapter(matrices(kQuery, kHidden, kHidden));
  EXPECT_TRUE(has(refusal(StatusCode::kNotFound), "'owner/model'", "--base"));
  options_.base = path("none");
  EXPECT_TRUE(has(refusal(StatusCode::kNotFound), "base model", "none"));
  options_.base = source_.string();
  EXPECT_TRUE(convert_path(adapter()).ok());
  EXPECT_EQ(convert_folder().code(), StatusCode::kInvalidArgument);
  options_.base = adapter();
  std::filesystem::remove(destination());
  EXPECT_TRUE(has(refusal(StatusCode::kUnsupported), "is an adapter (PEFT) itself"));
}

TEST_F(LoraTest, RefusesWhatChangesWeightsOtherwise) {
  for (const auto& [field, value] :
       std::vector<std::pair<std::string, std::string>>{{"peft_type", "\"IA3\""},
                                                        {"init_lora_weights", "\"pissa\""},
                                                        {"use_qalora", "true"},
                                                        {"target_parameters", "[\"experts\"]"},
                                                        {"layer_replication", "[[0, 2]]"},
                                                        {"trainable_token_indices", "[3]"},
                                                        {"a_field_of_the_future", "1"},
                                                        {"alpha_pattern", R"({"query|key": 3})"}}) {
    const auto plain = adapter_config_;
    adapter_config_[field] = value;
    put_adapter(matrices(kQuery, kHidden, kHidden));
    EXPECT_TRUE(has(refusal(StatusCode::kUnsupported), field)) << field;
    adapter_config_ = plain;
  }
  for (const char* unset : {"null", "false", "[]", "{}"}) {
    adapter_config_["a_field_of_the_future"] = unset;
    put_adapter(matrices(kQuery, kHidden, kHidden));
    EXPECT_TRUE(convert_path(adapter()).ok()) << unset;
  }
}

TEST_F(LoraTest, NamesTheTensorThatDoesNotFit) {
  put_adapter(matrices("encoder.layer.7.output.dense", kHidden, kHidden));
  EXPECT_TRUE(has(refusal(StatusCode::kInvalidArgument), "'encoder.layer.7.output.dense.weight'"));
  put_adapter(matrices(kQuery, kHidden + 1, kHidden));
  EXPECT_TRUE(has(refusal(StatusCode::kInvalidArgument), kQuery, "do not fit the weight"));
  put_adapter(matrices(kQuery, kHidden, kHidden, 3));
  EXPECT_TRUE(has(refusal(StatusCode::kInvalidArgument), kQuery, "rank 2"));
  put_adapter({{kQuery + ".lora_A.weight", integers(2, kHidden, 1)}});
  EXPECT_TRUE(has(refusal(StatusCode::kInvalidArgument), kQuery, "has no lora_B"));
  put_adapter({{kQuery + ".ia3_l", integers(2, kHidden, 1)}});
  EXPECT_TRUE(has(refusal(StatusCode::kUnsupported), kQuery + ".ia3_l"));
  put_adapter({{kQuery + ".lora_C.weight", integers(2, kHidden, 1)}});
  EXPECT_TRUE(has(refusal(StatusCode::kUnsupported), kQuery + ".lora_C"));
}

TEST(LoraPatterns, NameModulesAsPeftDoes) {
  EXPECT_TRUE(names_module("query", "a.query"));
  EXPECT_TRUE(names_module("a.query", "a.query"));
  EXPECT_TRUE(names_module("^a.query", "a.query"));
  EXPECT_TRUE(names_module("a.query", "b.a.query"));
  EXPECT_TRUE(names_module("aXquery", "aXquery"));
  EXPECT_TRUE(names_module("a.query", "aXquery"));
  EXPECT_FALSE(names_module("^query", "a.query"));
  EXPECT_FALSE(names_module("uery", "a.query"));
  EXPECT_FALSE(names_module("a.query.b", "a.query"));
}

}  // namespace
}  // namespace lanewise::converters
