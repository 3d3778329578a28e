// Checkpoints written again.

#include "converters/checkpoint_writer.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/convert.hpp"
#include "lanewise/embedder.hpp"
#include "lanewise/files.hpp"
#include "tests/converters/hf_folder.hpp"
#include "tests/converters/torch_checkpoint.hpp"
#include "tests/read_file.hpp"

namespace lanewise::converters {
namespace {

class CheckpointWriterTest : public HfDecoderFolderTest {
 protected:
  std::string made() const { return (root_ / "made").string(); }
  Status write_again() {
    std::filesystem::remove_all(made());
    return export_checkpoint(source_.string(), made(), options_);
  }
  /// The tensors of the folder that was written.
  TensorMap tensors_made() {
    auto tensors = read_safetensors(made() + "/model.safetensors");
    EXPECT_TRUE(tensors.ok()) << tensors.status().message();
    return tensors.ok() ? std::move(*tensors) : TensorMap();
  }
  void expect_tensors(const TensorMap& expected) {
    const TensorMap found = tensors_made();
    ASSERT_EQ(found.size(), expected.size());
    for (const auto& [name, tensor] : expected) {
      ASSERT_TRUE(found.contains(name)) << name;
      const Tensor& other = found.at(name);
      ASSERT_EQ(other.type(), tensor.type()) << name;
      ASSERT_EQ(other.shape(), tensor.shape()) << name;
      const size_t bytes =
          static_cast<size_t>(*element_count(tensor.shape())) * size_of(tensor.type());
      EXPECT_EQ(std::memcmp(other.view().data, tensor.view().data, bytes), 0) << name;
    }
  }
  ConvertedFile reopened() {
    auto mapped = file::MappedFile::open(destination());
    auto view = file::SafetensorsView::parse(mapped->bytes(), destination());
    return {std::move(*mapped), std::move(*view), {}};
  }
  long beside() const { return std::distance(std::filesystem::directory_iterator(root_), {}); }
};

TEST_F(CheckpointWriterTest, HasTheTensorsAndFilesOfTheSource) {
  write_all();
  put("modules.json",
      R"([{"path": "", "type": "sentence_transformers.models.Transformer"},
          {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}])");
  put("1_Pooling/config.json", R"({"pooling_mode": "cls"})");
  ASSERT_TRUE(write_again().ok()) << write_again().message();
  expect_tensors(tensors_);
  EXPECT_EQ(test::read_file(made() + "/vocab.txt"), test::read_file(path("vocab.txt")));
  EXPECT_EQ(test::read_file(made() + "/1_Pooling/config.json"),
            test::read_file(path("1_Pooling/config.json")));
  ASSERT_TRUE(convert_folder().ok());
  const std::string expected = test::read_file(destination());
  ASSERT_TRUE(convert_path(made()).ok()) << convert_path(made()).message();
  EXPECT_EQ(test::read_file(destination()).size(), expected.size());
  EXPECT_EQ(beside(), 3);  // source, out, made
}

TEST_F(CheckpointWriterTest, HasTheFilesOfVectorsOfTokens) {
  write_all();
  put("artifact.metadata", R"({"query_maxlen": 8})");
  TensorMap weights;
  std::swap(weights, tensors_);
  set_tensor("weight", {1, kHidden});
  set_tensor("bias", {1});
  std::swap(weights, tensors_);
  write_tensors("sparse_linear.pt", weights);
  ASSERT_TRUE(write_again().ok()) << write_again().message();
  for (const std::string name : {"artifact.metadata", "sparse_linear.pt"}) {
    EXPECT_EQ(test::read_file(made() + "/" + name), test::read_file(path(name))) << name;
  }
  // A model file has its weights only as the graph reads them.
  ASSERT_TRUE(convert_folder().ok());
  const Status refused = export_checkpoint(destination(), made() + "2", options_);
  EXPECT_EQ(refused.code(), StatusCode::kUnsupported);
  EXPECT_TRUE(has(refused.message(), "weights in several modules"));
}

TEST_F(CheckpointWriterTest, StaticEmbeddingsKeepTheNameOfTheirTable) {
  write_all();
  tensors_.clear();
  set_tensor("embedding.weight", {kVocabulary, 6});
  write_tensors("model.safetensors", tensors_);
  put("modules.json", R"([{"path": "", "type": "sentence_transformers.models.StaticEmbedding"}])");
  std::filesystem::remove(path("config.json"));
  ASSERT_TRUE(write_again().ok()) << write_again().message();
  expect_tensors(tensors_);
  ASSERT_TRUE(convert_folder().ok());
  std::filesystem::remove_all(made());
  ASSERT_TRUE(export_checkpoint(destination(), made(), options_).ok());
  expect_tensors(tensors_);
}

TEST_F(CheckpointWriterTest, NamesAreThoseOfTransformers) {
  const TensorMap bert = tensors_;
  for (const char* wrapper : {"module.", "net.", "model.", "a.b._orig_mod."}) {
    tensors_ = bert;
    add_prefix(wrapper);
    write();
    ASSERT_TRUE(write_again().ok()) << write_again().message();
    expect_tensors(bert);
    tensors_ = bert;
    add_prefix("bert.");
    const TensorMap with_class = tensors_;
    add_prefix(wrapper);
    write();
    ASSERT_TRUE(write_again().ok());
    expect_tensors(with_class);
  }
  for (const char* variant : {"llama", "gpt2", "gpt_neox"}) {
    use(variant);
    const TensorMap decoder = tensors_;
    add_prefix("model.");
    write();
    ASSERT_TRUE(write_again().ok()) << variant << write_again().message();
    expect_tensors(decoder);
  }
}

TEST_F(CheckpointWriterTest, ConfigsSayWhatIsWritten) {
  for (auto& [name, tensor] : tensors_) tensor = as_type(tensor, DataType::kF16);
  config_["torch_dtype"] = "\"float16\"";
  write();
  ASSERT_TRUE(write_again().ok());
  EXPECT_TRUE(has(test::read_file(made() + "/config.json"), R"("torch_dtype":"float16")"));
  expect_tensors(tensors_);
  // A computed weight is f32, to which Transformers must not round the others either.
  tensors_["encoder.layer.0.output.dense.weight_orig"] =
      std::move(tensors_.at("encoder.layer.0.output.dense.weight"));
  tensors_.erase("encoder.layer.0.output.dense.weight");
  set_tensor("encoder.layer.0.output.dense.weight_mask", {kHidden, kIntermediate});
  write();
  ASSERT_TRUE(write_again().ok()) << write_again().message();
  EXPECT_TRUE(tensors_made().contains("encoder.layer.0.output.dense.weight"));
  EXPECT_TRUE(has(test::read_file(made() + "/config.json"), R"("torch_dtype":"float32")"));
}

TEST_F(CheckpointWriterTest, ReplacesNothing) {
  write_all();
  std::filesystem::create_directory(made());
  std::ofstream(made() + "/mine") << "text";
  const Status status = export_checkpoint(source_.string(), made(), options_);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(has(status.message(), "not an empty folder"));
  EXPECT_EQ(export_checkpoint(source_.string(), source_.string(), options_).code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(beside(), 3);
}

TEST_F(CheckpointWriterTest, OfModelFilesToo) {
  write_all();
  put("modules.json",
      R"([{"path": "", "type": "sentence_transformers.models.Transformer"},
          {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}])");
  put("1_Pooling/config.json", R"({"pooling_mode": "cls"})");
  ASSERT_TRUE(convert_folder().ok());
  ASSERT_TRUE(export_checkpoint(destination(), made(), options_).ok())
      << export_checkpoint(destination(), made(), options_).message();
  expect_tensors(tensors_);
  EXPECT_EQ(test::read_file(made() + "/1_Pooling/config.json"),
            test::read_file(path("1_Pooling/config.json")));
  EXPECT_TRUE(std::filesystem::exists(made() + "/tokenizer.json"));
  const std::string expected = bytes_of(converted());
  ASSERT_TRUE(convert_path(made()).ok()) << convert_path(made()).message();
  EXPECT_TRUE(bytes_of(reopened()) == expected);
}

/// The sentence vector of a text, of length 1.
std::vector<float> vector_of(const Model& model) {
  Result<Embedder> embedder = Embedder::create(model, {.threads = 1});
  EXPECT_TRUE(embedder.ok()) << embedder.status().message();
  const std::string_view text = "a b c a";
  const Result<Embeddings> made = embedder->embed({&text, 1});
  EXPECT_TRUE(made.ok()) << made.status().message();
  double squares = 0;
  for (const float value : made->values) squares += static_cast<double>(value) * value;
  std::vector<float> vector = made->values;
  for (float& value : vector) value /= static_cast<float>(std::sqrt(squares));
  return vector;
}

/// Values that a format has exactly come back as they are; others rounded.
TEST_F(CheckpointWriterTest, OfModelFilesInEveryFormat) {
  write_all();
  for (const char* weights : {"f32", "bf16", "int8", "int4"}) {
    options_.weights = weights;
    options_.max_error = *weights == 'i' ? std::optional(1e9) : std::nullopt;
    ASSERT_TRUE(convert_folder().ok()) << weights << convert_folder().message();
    std::filesystem::remove_all(made());
    const Status written = export_checkpoint(destination(), made(), options_);
    ASSERT_TRUE(written.ok()) << weights << written.message();
    const TensorMap found = tensors_made();
    ASSERT_EQ(found.size(), tensors_.size()) << weights;
    for (const auto& [name, tensor] : tensors_) {
      ASSERT_TRUE(found.contains(name)) << name;
      const Tensor& other = found.at(name);
      ASSERT_EQ(other.shape(), tensor.shape()) << name;
      // Error feedback trades errors in inputs that hardly occur for those that do.
      double errors = 0, squares = 0;
      for (int64_t i = 0; i < *element_count(tensor.shape()); ++i) {
        const double value = tensor.as<float>()[i];
        errors += std::pow(other.as<float>()[i] - value, 2);
        squares += std::pow(value, 2);
      }
      const double limit = *weights != 'i' ? 0 : std::string(weights) == "int8" ? 0.05 : 0.6;
      EXPECT_LE(std::sqrt(errors / squares), limit) << weights << " " << name;
    }
    if (*weights != 'i') continue;
    // The weights are those of the model file: only activations are rounded there and not here.
    const std::vector<float> stored = vector_of(Model::open(destination()).value());
    const std::vector<float> exported = vector_of(load(made(), {}).value());
    for (size_t i = 0; i < stored.size(); ++i) {
      EXPECT_NEAR(stored[i], exported[i], 0.01) << weights;
    }
  }
}

TEST_F(CheckpointWriterTest, OfModelFilesOfDecoders) {
  for (const char* variant : {"llama", "phi3", "gpt_neox", "mixtral_odd"}) {
    use(variant);
    write();
    options_.weights = "";
    ASSERT_TRUE(convert_folder().ok()) << variant;
    std::filesystem::remove_all(made());
    const Status written = export_checkpoint(destination(), made(), options_);
    if (!written.ok()) {
      EXPECT_EQ(written.code(), StatusCode::kUnsupported) << variant;
      EXPECT_TRUE(has(written.message(), "only in a computed form")) << variant;
    } else {
      expect_tensors(tensors_);
    }
  }
}

TEST_F(CheckpointWriterTest, PlainModulesAreRefused) {
  tensors_ = torch_state_dict({.width = 16,
                               .hidden = 24,
                               .encoder_layers = 2,
                               .decoder_layers = 1,
                               .source_tokens = 11,
                               .target_tokens = 9});
  config_ = {{"model_type", "\"torch_transformer\""},
             {"nhead", "4"},
             {"max_length", "32"},
             {"bos_token_id", "2"},
             {"eos_token_id", "3"},
             {"pad_token_id", "1"}};
  write();
  const Status status = write_again();
  EXPECT_EQ(status.code(), StatusCode::kUnsupported);
  EXPECT_TRUE(has(status.message(), "'torch_transformer'"));
  ASSERT_TRUE(convert_folder().ok());
  EXPECT_EQ(export_checkpoint(destination(), made(), options_).code(), StatusCode::kUnsupported);
  EXPECT_EQ(beside(), 2);
}

}  // namespace
}  // namespace lanewise::converters
