#include "tests/converters/hf_folder.hpp"
#include "tests/converters/status_codes.hpp"

namespace lanewise::converters {
namespace {

using GptNeoxTest = HfDecoderFolderTest;

TEST_F(GptNeoxTest, ChecksEveryField) {
  expect_refused("gpt_neox",
                 {{"num_attention_heads", "7", kInvalid, "a divisor of hidden_size = 60"},
                  {"rotary_pct", "0.01", kInvalid, "rotary positions of 0 of 10 features"},
                  {"rotary_emb_base", "-1", kInvalid, "'rotary_emb_base'"},
                  {"attention_bias", "\"\"", kInvalid, "'attention_bias'"},
                  {"hidden_act", "\"no\"", kUnsupported, "unknown hidden_act"}});
  rename_tensor("lm_head.weight", "embed_out.weight");
  write();
  EXPECT_EQ(converted().node("embed_out").weights.at("weight").front(), "embed_out.weight");
}

TEST_F(GptNeoxTest, KnowsTheHeadThatAnEncoderLeavesOut) {
  use("gpt_neox");
  config_["tie_word_embeddings"] = "false";
  tensors_["lm_head.weight"] = hf_weight("lm_head.weight", {61, 60}, 2);
  options_.as = "encoder";
  write();
  EXPECT_EQ(loaded().info().outputs[0].name, "last_hidden_state");
  EXPECT_FALSE(reported("unused"));
}

}  // namespace
}  // namespace lanewise::converters
