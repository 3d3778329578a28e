#include <gtest/gtest.h>

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
       {"conv_kernel_size", "3", kUnsupported, "conv_kernel_size 3 is not supported; known: 0"},
       {"attention_head_size", "8", kUnsupported, "attention_head_size 8"},
       {"pooler_hidden_act", "\"sparse\"", kUnsupported, "pooler_hidden_act"},
       {"position_biased_input", "true", StatusCode::kNotFound, "position_embeddings.weight"},
       {"is_decoder", "true", kUnsupported, "is_decoder is not supported for deberta-v2"}});
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
