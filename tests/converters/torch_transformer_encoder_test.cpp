// Against PyTorch: torch_transformer_golden_test.cpp.

#include <gtest/gtest.h>

#include <string>

#include "lanewise/session.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/torch_checkpoint.hpp"

namespace lanewise::converters {
namespace {

class TorchTransformerEncoderTest : public CheckpointFolderTest {
 protected:
  void SetUp() override {
    CheckpointFolderTest::SetUp();
    tensors_.clear();
    for (auto& [name, tensor] : torch_state_dict({.width = 20,
                                .hidden = 36,
                                .encoder_layers = 2,
                                .decoder_layers = 0,
                                .source_tokens = 6,
                                .target_tokens = 5})) {
      const std::string prefix = "transformer.";
      if (name.starts_with("src_")) tensors_["embedding.weight"] = std::move(tensor);
      if (name.starts_with("generator.")) tensors_["out" + name.substr(9)] = std::move(tensor);
      if (name.starts_with(prefix + "encoder.")) {
        tensors_[name.substr(prefix.size())] = std::move(tensor);
      }
    }
    config_ = {{"model_type", "\"torch_transformer_encoder\""}, {"nhead", "4"}};
  }
};

TEST_F(TorchTransformerEncoderTest, HasHiddenStatesAndALogitsOfEachToken) {
  const Model model = loaded();
  const ModelInfo& info = model.info();
  EXPECT_EQ(info.family, "torch_transformer_encoder");
  EXPECT_EQ(info.vocabulary_size, 6);
  EXPECT_EQ(info.target_vocabulary_size, 0);
  EXPECT_EQ(info.max_tokens, 5000);
  ASSERT_EQ(info.outputs.size(), 2U);
  EXPECT_EQ(info.outputs[0].name, "last_hidden_state");
  EXPECT_EQ(info.outputs[1].name, "logits");
  EXPECT_TRUE(info.outputs[1].per_token);
  EXPECT_EQ(info.outputs[1].features, 5);
  EXPECT_FALSE(reported("unused"));
  Result<Session> session = Session::create(model, {.threads = 1, .outputs = {}});
  ASSERT_TRUE(session.ok()) << session.status().message();
  Tensor ids(DataType::kI32, {1, 3});
  const Result<TensorMap> out = session->run({{"input_ids", ids}});
  ASSERT_TRUE(out.ok()) << out.status().message();
  EXPECT_EQ(out->at("logits").shape(), (Shape{1, 3, 5}));
}

TEST_F(TorchTransformerEncoderTest, HeadAndFinalNormAreOptional) {
  for (const char* name : {"out.weight", "out.bias", "encoder.norm.weight", "encoder.norm.bias"}) {
    tensors_.erase(name);
  }
  const Model model = loaded();
  ASSERT_EQ(model.info().outputs.size(), 1U);
  EXPECT_EQ(model.info().outputs[0].name, "last_hidden_state");
}

TEST_F(TorchTransformerEncoderTest, ReadsPositionsVocabularyAndLayers) {
  const std::string table = "positional_encoding.pos_embedding";
  tensors_[table] = torch_weight(table, {11, 1, 20});
  config_["source_vocabulary"] = R"(["<unk>", "the", "a", "cat", "dog", "sat"])";
  config_["unk_token"] = "\"<unk>\"";
  config_["num_layers"] = "2";
  EXPECT_EQ(loaded().info().max_tokens, 11);
  EXPECT_FALSE(reported("token ids"));
  EXPECT_TRUE(has(converted().tokenizer(), "WordLevel", "WhitespaceSplit", "<unk>"));
  config_["num_layers"] = "3";
  write_config();
  std::filesystem::remove(destination());
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "'num_layers': expected 2"));
}

TEST_F(TorchTransformerEncoderTest, ReportsFieldsOfOthers) {
  config_["target_vocabulary"] = "[]";
  loaded();
  EXPECT_TRUE(reported("unknown field 'target_vocabulary' is ignored"));
  config_["pad_token_id"] = "6";
  write_config();
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "'pad_token_id': expected"));
}

}  // namespace
}  // namespace lanewise::converters
