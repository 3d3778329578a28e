#include "tests/converters/hf_folder.hpp"
#include "tests/converters/status_codes.hpp"

namespace lanewise::converters {
namespace {

using Gpt2Test = HfDecoderFolderTest;

TEST_F(Gpt2Test, ChecksEveryField) {
  expect_refused(
      "gpt2", {{"n_head", "5", kInvalid, "a divisor of n_embd = 54"},
               {"n_layer", "0", kInvalid, "'n_layer': expected"},
               {"n_inner", "0", kInvalid, "'n_inner': expected"},
               {"n_positions", "63", kInvalid, "expected [63, 54], file has [64, 54]"},
               {"activation_function", "\"no\"", kUnsupported, "unknown activation_function 'no'"},
               {"add_cross_attention", "true", kUnsupported, "'add_cross_attention' true"},
               {"tie_word_embeddings", "false", kNotFound, "'lm_head.weight'"}});
  // The masks and names of the first releases.
  set_tensor("transformer.h.0.attn.bias", {1, 1, 64, 64});
  set_tensor("transformer.h.1.attn.masked_bias", {1});
  write();
  converted();
  EXPECT_FALSE(reported("unused"));
}

TEST_F(Gpt2Test, KnowsTheHeadThatAnEncoderLeavesOut) {
  use("gpt2");
  config_["tie_word_embeddings"] = "false";
  tensors_["lm_head.weight"] = hf_weight("lm_head.weight", {61, 54}, 2);
  options_.as = "encoder";
  write();
  EXPECT_EQ(loaded().info().outputs[0].name, "last_hidden_state");
  EXPECT_FALSE(reported("unused"));
}

}  // namespace
}  // namespace lanewise::converters
