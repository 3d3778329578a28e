// Plain modules: a tensor that the graph does not read is an error, as in PyTorch's strict loading.

#include "converters/unread_tensors.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/torch_checkpoint.hpp"

namespace lanewise::converters {
namespace {

class UnreadTensorsTest : public CheckpointFolderTest {
 protected:
  void SetUp() override {
    CheckpointFolderTest::SetUp();
    tensors_ = torch_state_dict({.width = 20,
                                 .hidden = 36,
                                 .encoder_layers = 2,
                                 .decoder_layers = 1,
                                 .source_tokens = 7,
                                 .target_tokens = 6});
    config_ = {{"model_type", "\"torch_transformer\""}, {"nhead", "4"}};
  }

  std::string refused() {
    write();
    return failure(StatusCode::kInvalidArgument);
  }
};

TEST_F(UnreadTensorsTest, AreNamed) {
  // A learned table under another name, which must not be replaced by sinusoids.
  set_tensor("pos_embedding.weight", {16, 20});
  EXPECT_TRUE(has(refused(), "a tensor is not read: 'pos_embedding.weight'", "'keys'", "'ignore'"));
  set_tensor("transformer.encoder.layers.0.extra", {3});
  EXPECT_TRUE(has(refused(),
                  "2 tensors are not read: 'pos_embedding.weight', "
                  "'transformer.encoder.layers.0.extra'"));
  for (int i = 0; i < 12; ++i) set_tensor("more." + std::to_string(100 + i), {1});
  EXPECT_TRUE(has(refused(), "14 tensors are not read: 'more.100'", "and 4 more"));
}

TEST_F(UnreadTensorsTest, MayBeIgnoredByNameOrPrefix) {
  write();
  const std::string expected = bytes_of(converted());
  set_tensor("pos_embedding.weight", {16, 20});
  set_tensor("teacher.a.weight", {2, 2});
  set_tensor("teacher.b.weight", {2, 2});
  config_["ignore"] = R"(["pos_embedding.weight", "teacher."])";
  write();
  EXPECT_EQ(bytes_of(converted()), expected);
  EXPECT_TRUE(reported("3 tensors are ignored"));
  EXPECT_FALSE(reported("unknown field"));
  std::filesystem::remove(destination());
  for (const char* const other :
       {R"(["pos_emb.", "teacher."])", R"(["pos_embedding.weight", "teacher"])",
        R"(["pos_embedding", "teacher."])", R"([".weight", "teacher."])"}) {
    config_["ignore"] = other;
    refused();
  }
  config_["ignore"] = R"("teacher.")";
  EXPECT_TRUE(has(refused(), "'ignore': expected an array of strings"));
}

TEST_F(UnreadTensorsTest, AnEntryThatNamesNothingIsReported) {
  config_["ignore"] = R"(["teacher."])";
  write();
  converted();
  EXPECT_TRUE(reported("'ignore' has 'teacher.', which names no tensor"));
}

TEST_F(UnreadTensorsTest, WhatTheModelReadsCannotBeIgnored) {
  config_["ignore"] = R"(["generator.bias"])";
  EXPECT_TRUE(has(refused(), "'ignore' has 'generator.bias', but the model reads"));
  config_["ignore"] = R"(["generator."])";
  EXPECT_TRUE(has(refused(), "'ignore' has 'generator.', but the model reads 'generator.bias'"));
}

TEST_F(UnreadTensorsTest, KeysMakeThemRead) {
  set_tensor("pos_embedding.weight", {16, 20});
  config_["keys"] = R"({"positional_encoding.pos_embedding": "pos_embedding.weight"})";
  write();
  EXPECT_EQ(*converted().node("src_tok_emb").attributes.get_string("position", ""), "learned");
}

TEST_F(UnreadTensorsTest, EncodersAlikeAreStrict) {
  TensorMap encoder;
  for (auto& [name, tensor] : tensors_) {
    const std::string prefix = "transformer.";
    if (name.starts_with("src_")) encoder["embedding.weight"] = std::move(tensor);
    if (name.starts_with(prefix + "encoder.")) {
      encoder[name.substr(prefix.size())] = std::move(tensor);
    }
  }
  tensors_ = std::move(encoder);
  config_["model_type"] = "\"torch_transformer_encoder\"";
  write();
  converted();
  std::filesystem::remove(destination());
  set_tensor("head.weight", {3, 20});
  EXPECT_TRUE(has(refused(), "'head.weight'"));
  config_["ignore"] = R"(["head."])";
  write();
  converted();
}

}  // namespace
}  // namespace lanewise::converters
