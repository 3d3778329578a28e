// Limits, links, names that lead elsewhere, misspelt names (docs/security.md).

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/torch_checkpoint.hpp"
#include "tests/converters/torch_writer.hpp"

namespace lanewise::converters {
namespace {

class HostileFilesTest : public CheckpointFolderTest {};

TEST_F(HostileFilesTest, LimitsCanBeLowered) {
  write();
  options_.limits.tensors = 10;
  EXPECT_TRUE(has(failure(StatusCode::kResourceExhausted), "model.safetensors", "37 tensors",
                  "at most 10"));
  options_.limits = {};
  options_.limits.unpacked_bytes = 1000;
  EXPECT_TRUE(has(failure(StatusCode::kResourceExhausted), "bytes of tensors", "at most 1000"));
  options_.limits = {};
  options_.limits.header_bytes = 100;
  EXPECT_TRUE(has(failure(StatusCode::kResourceExhausted), "header of", "at most 100"));
  std::filesystem::remove(path("model.safetensors"));
  const TorchTensors torch = torch_tensors(tensors_);
  put("pytorch_model.bin", torch_zip(torch.pickle, torch.storages));
  EXPECT_TRUE(has(failure(StatusCode::kResourceExhausted), "a pickle of", "at most 100"));
  options_.limits = {};
  EXPECT_TRUE(convert_folder().ok());
}

TEST_F(HostileFilesTest, IndexesAndModulesStayInTheirFolder) {
  write_all();
  for (const char* name : {"../source/model.safetensors", "/etc/passwd", "a/../../x", "./m", ""}) {
    put("model.safetensors.index.json", std::string(R"({"weight_map": {"a": ")") + name + "\"}}");
    std::filesystem::rename(path("model.safetensors"), path("m"));
    EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "must be a file name in this folder"))
        << name;
    std::filesystem::rename(path("m"), path("model.safetensors"));
    std::filesystem::remove(path("model.safetensors.index.json"));
  }
  for (const char* name : {"../source", "/tmp", "a/../b"}) {
    put("modules.json",
        std::string(R"([{"path": "", "type": "sentence_transformers.models.Transformer"},
        {"path": ")") +
            name + R"(", "type": "sentence_transformers.models.Pooling"}])");
    EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "'path'")) << name;
  }
}

/// Every file of a hub's cache is a link.
TEST_F(HostileFilesTest, LinksToRegularFilesAreFollowed) {
  write_all();
  ASSERT_TRUE(convert_folder().ok());
  const std::string expected = bytes_of(converted());
  const auto blobs = root_ / "blobs";
  std::filesystem::create_directory(blobs);
  for (const char* name : {"config.json", "vocab.txt", "model.safetensors"}) {
    std::filesystem::rename(source_ / name, blobs / name);
    std::filesystem::create_symlink(blobs / name, source_ / name);
  }
  EXPECT_TRUE(bytes_of(converted()) == expected);
  ASSERT_TRUE(convert_path(path("model.safetensors")).ok());
  EXPECT_TRUE(bytes_of(converted()) == expected);
  std::filesystem::remove(destination());
  std::filesystem::remove(blobs / "model.safetensors");
  EXPECT_TRUE(has(failure(StatusCode::kNotFound), "model.safetensors", "link"));
}

TEST_F(HostileFilesTest, MisspeltTensorsAreGuessed) {
  rename_tensor("encoder.layer.1.output.dense.bias", "encoder.layer.1.output.dens.bias");
  write();
  EXPECT_TRUE(
      has(failure(StatusCode::kNotFound),
          "'encoder.layer.1.output.dense.bias' (there is 'encoder.layer.1.output.dens.bias')"));
}

TEST_F(HostileFilesTest, MisspeltFieldsAreGuessed) {
  config_["num_hidden_layer"] = config_.at("num_hidden_layers");
  config_.erase("num_hidden_layers");
  write();
  EXPECT_FALSE(convert_folder().ok());  // The default is 12 layers.
  EXPECT_TRUE(reported("'num_hidden_layer' is not read; did you mean 'num_hidden_layers'?"));
  tensors_ = torch_state_dict({.width = 16,
                               .hidden = 24,
                               .encoder_layers = 2,
                               .decoder_layers = 1,
                               .source_tokens = 11,
                               .target_tokens = 9});
  config_ = {{"model_type", "\"torch_transformer\""}, {"n_head", "4"}};
  write();
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "did you mean 'nhead'?"));
}

}  // namespace
}  // namespace lanewise::converters
