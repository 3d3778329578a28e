#include <gtest/gtest.h>

#include <string>

#include "tests/converters/hf_folder.hpp"
#include "tests/converters/status_codes.hpp"

namespace lanewise::converters {
namespace {

using NomicBertTest = HfEncoderFolderTest;

TEST_F(NomicBertTest, ChecksEveryFieldOfThePublishedConfig) {
  expect_refused(
      "nomic_published",
      {{"n_embd", "61", kInvalid, "'n_embd' 61 is not a multiple of 'n_head' 6"},
       {"n_layer", "0", kInvalid, "'n_layer': expected"},
       {"n_inner", "257", kInvalid, "expected [512, 60], file has [256, 60]"},
       {"n_positions", "0", kInvalid, "'n_positions': expected"},
       {"layer_norm_epsilon", "-1", kInvalid, "'layer_norm_epsilon': expected"},
       {"activation_function", "\"gelu_new\"", kUnsupported, "known: swiglu, geglu, glu, gelu"},
       {"prenorm", "true", kUnsupported, "'prenorm' true"},
       {"parallel_block", "true", kUnsupported, "'parallel_block' true"},
       {"causal", "true", kUnsupported, "'causal' true"},
       {"use_rms_norm", "true", kUnsupported, "'use_rms_norm' true"},
       {"scale_attn_weights", "false", kUnsupported, "'scale_attn_weights' false"},
       {"scale_attn_by_inverse_layer_idx", "true", kUnsupported, "inverse_layer_idx' true"},
       {"rotary_emb_scale_base", "512", kUnsupported, "'rotary_emb_scale_base'"},
       {"num_heads_kv", "2", kUnsupported, "'num_heads_kv'"},
       {"moe_every_n_layers", "2", kUnsupported, "layers of experts"},
       {"rotary_emb_fraction", "0", kUnsupported, "'rotary_emb_fraction' 0"},
       {"rotary_emb_fraction", "0.5", kInvalid, "expected an even number"},
       {"rotary_emb_base", "0", kInvalid, "'rotary_emb_base': expected a positive number"},
       {"qkv_proj_bias", "true", kNotFound, "Wqkv.bias"},
       {"mlp_fc1_bias", "true", kNotFound, "fc11.bias"},
       {"pad_vocab_size_multiple", "64", kInvalid, "expected [128, 60], file has [101, 60]"},
       {"pruned_heads", "{\"0\": [1]}", kUnsupported, "'pruned_heads'"}});
}

TEST_F(NomicBertTest, ChecksEveryFieldOfTransformersConfig) {
  expect_refused("nomic_bert", {{"head_dim", "12", kUnsupported, "head_dim 12"},
                                {"is_decoder", "true", kUnsupported, "is_decoder"},
                                {"hidden_act", "\"prelu\"", kUnsupported, "unknown hidden_act"},
                                {"rope_parameters", "{\"rope_type\": \"ntk\", \"factor\": 2}",
                                 kUnsupported, "unknown rope_type 'ntk'"}});
}

/// Beyond the trained length its frequencies would depend on the batch.
TEST_F(NomicBertTest, ScaledPositionsLimitTheLength) {
  use("nomic_published");
  EXPECT_EQ(loaded().info().max_tokens, 64);
  config_["rotary_scaling_factor"] = "2";
  config_["max_trained_positions"] = "16";
  EXPECT_EQ(loaded().info().max_tokens, 16);
  EXPECT_TRUE(reported("limited to the 16 tokens"));
}

}  // namespace
}  // namespace lanewise::converters
