#include "tests/converters/hf_folder.hpp"
#include "tests/converters/status_codes.hpp"

namespace lanewise::converters {
namespace {

using PhiTest = HfDecoderFolderTest;

TEST_F(PhiTest, ChecksEveryField) {
  expect_refused("phi", {{"num_attention_heads", "7", kInvalid, "a divisor of hidden_size = 60"},
                         {"num_key_value_heads", "4", kInvalid, "a divisor of num_attention_heads"},
                         {"partial_rotary_factor", "0.01", kInvalid, "rotary positions of 0 of 10"},
                         {"rope_theta", "-1", kInvalid, "'rope_theta'"},
                         {"layer_norm_eps", "2", kInvalid, "'layer_norm_eps'"},
                         {"qk_layernorm", "true", kUnsupported, "'qk_layernorm'"},
                         {"hidden_act", "\"no\"", kUnsupported, "unknown hidden_act"}});
}

TEST_F(PhiTest, ReadsHeadsAndBiases) {
  use("phi");
  config_["num_key_value_heads"] = "null";
  write();
  EXPECT_TRUE(has(failure(kInvalid), "model.layers.0.self_attn.k_proj.bias"));
  use("phi");
  tensors_.erase("lm_head.bias");
  write();
  EXPECT_TRUE(has(failure(kNotFound), "lm_head.bias"));
}

TEST_F(PhiTest, ReadsATiedHead) {
  use("phi");
  config_["tie_word_embeddings"] = "true";
  tensors_.erase("lm_head.weight");
  write();
  const ConvertedFile tied = converted();
  EXPECT_EQ(tied.node("embed_tokens").weights.at("table"),
            tied.node("lm_head").weights.at("weight"));
}

TEST_F(PhiTest, KnowsTheHeadThatAnEncoderLeavesOut) {
  use("phi");
  options_.as = "encoder";
  write();
  EXPECT_EQ(loaded().info().outputs[0].name, "last_hidden_state");
  EXPECT_FALSE(reported("unused"));
}

}  // namespace
}  // namespace lanewise::converters
