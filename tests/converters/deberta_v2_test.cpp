#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "lanewise/tokenizer.hpp"
#include "tests/converters/hf_folder.hpp"
#include "tests/converters/status_codes.hpp"

namespace lanewise::converters {
namespace {

constexpr auto kInvalid = StatusCode::kInvalidArgument;

using DebertaV2Test = HfEncoderFolderTest;

TEST_F(DebertaV2Test, ChecksEveryField) {
  expect_refused(
      "deberta_v2",
      {{"embedding_size", "21", StatusCode::kNotFound, "'deberta.embeddings.embed_proj.weight'"},
       {"position_buckets", "13", kInvalid, "expected [26, 36], file has [24, 36]"},
       {"position_buckets", "1", kInvalid, "'position_buckets': expected"},
       {"position_buckets", "78", kInvalid, "'position_buckets': expected"},
       {"max_relative_positions", "\"a\"", kInvalid, "'max_relative_positions': expected"},
       {"pos_att_type", "3", kInvalid, "'pos_att_type': expected"},
       {"relative_attention", "false", kUnsupported, "'pos_att_type' without"},
       {"share_att_key", "false", StatusCode::kNotFound, "pos_key_proj"},
       {"conv_kernel_size", "3", StatusCode::kNotFound, "'deberta.encoder.conv.conv.weight'"},
       {"conv_kernel_size", "4", kInvalid, "'conv_kernel_size': expected 0 or an odd number"},
       {"conv_kernel_size", "257", kInvalid, "'conv_kernel_size'"},
       {"conv_groups", "2", kUnsupported, "conv_groups 2 is not supported; known: 1"},
       {"talking_head", "true", kUnsupported, "talking_head is not supported"},
       {"attention_head_size", "8", kUnsupported, "attention_head_size 8"},
       {"pooler_hidden_act", "\"sparse\"", kUnsupported, "pooler_hidden_act"},
       {"position_biased_input", "true", StatusCode::kNotFound, "position_embeddings.weight"},
       {"is_decoder", "true", kUnsupported, "is_decoder is not supported for deberta-v2"}});
}

TEST_F(DebertaV2Test, ChecksTheConvolution) {
  expect_refused("deberta_v2_conv",
                 {{"conv_kernel_size", "5", kInvalid, "expected [36, 36, 5], file has [36, 36, 3]"},
                  {"conv_act", "\"sparse\"", kUnsupported, "conv_act"}});
  use("deberta_v2_conv");
  config_["conv_kernel_size"] = "0";
  loaded();
  EXPECT_TRUE(reported("3 tensors are unused") || reported("4 tensors are unused"));
}

TEST_F(DebertaV2Test, ChecksEveryFieldOfTheFirstVersion) {
  expect_refused(
      "deberta",
      {{"max_relative_positions", "13", kInvalid, "expected [26, 36], file has [18, 36]"},
       {"relative_attention", "false", kUnsupported, "'pos_att_type' without"},
       {"talking_head", "true", kUnsupported, "talking_head is not supported"},
       {"position_biased_input", "true", StatusCode::kNotFound, "position_embeddings.weight"},
       {"legacy", "false", StatusCode::kNotFound, "lm_predictions.lm_head"},
       {"is_decoder", "true", kUnsupported, "is_decoder is not supported for deberta"}});
  rename_tensor("deberta.encoder.layer.1.attention.self.q_bias", "q_bias");
  write();
  EXPECT_TRUE(has(failure(StatusCode::kNotFound), "layer.1.attention.self.q_bias"));
}

/// Its scores have a scale for each kind that is named, known or not.
TEST_F(DebertaV2Test, TheFirstVersionCountsKindsOfScores) {
  use("deberta");
  const auto scale = [this](const char* kinds) {
    config_["pos_att_type"] = kinds;
    write();
    const ConvertedFile out = converted();
    return *out.node("encoder.layer.0.attention.self").attributes.get_double("scale", 0);
  };
  EXPECT_DOUBLE_EQ(scale("\"c2p|p2c\""), 1 / std::sqrt(6.0 * 3));
  EXPECT_DOUBLE_EQ(scale("\"c2p|p2c|p2p\""), 1 / std::sqrt(6.0 * 4));
  config_["relative_attention"] = "false";
  EXPECT_DOUBLE_EQ(scale("null"), 1 / std::sqrt(6.0));
}

TEST_F(DebertaV2Test, TheTokenizerOfTheFirstVersionIsMadeOfItsFiles) {
  use("deberta");
  write();
  put("vocab.json", R"({"[PAD]": 0, "[CLS]": 1, "[SEP]": 2, "[UNK]": 3, "a": 4, "b": 5,
                        "\u0120": 6, "ab": 7, "\u0120ab": 8, "[MASK]": 9})");
  put("merges.txt", "#version: 0.2\na b\n\u0120 ab\n");
  const Result<Tokenizer> tokenizer = load_tokenizer(source_.string(), options_);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  const Result<Encoding> encoding = tokenizer->encode("ab ab[MASK]");
  ASSERT_TRUE(encoding.ok()) << encoding.status().message();
  const std::vector<int32_t>& ids = encoding->ids;
  EXPECT_EQ(ids, (std::vector<int32_t>{1, 7, 8, 9, 2}));
}

TEST_F(DebertaV2Test, ReadsBothSpellingsOfLists) {
  use("deberta_v2");
  write();
  const std::string bytes = bytes_of(converted());
  std::filesystem::remove(destination());
  config_["pos_att_type"] = "\"p2c | c2p\"";
  config_["norm_rel_ebd"] = "[\"layer_norm\"]";
  write_config();
  EXPECT_EQ(bytes_of(converted()), bytes);
}

TEST_F(DebertaV2Test, TheHeadOfMaskedTokensIsToldByItsTensors) {
  use("deberta_v2_wide");
  config_.erase("legacy");
  EXPECT_EQ(loaded().info().task, "fill-mask");
  config_["legacy"] = "true";
  write();
  EXPECT_TRUE(has(failure(StatusCode::kNotFound), "cls.predictions.transform.dense.weight"));
}

TEST_F(DebertaV2Test, PositionsWithoutUseAreIgnored) {
  use("deberta_v2");
  set_tensor("deberta.embeddings.position_embeddings.weight", {40, 36});
  loaded();
  EXPECT_TRUE(reported("ignored (not a weight): 'deberta.embeddings.position_embeddings.weight'"));
}

}  // namespace
}  // namespace lanewise::converters
