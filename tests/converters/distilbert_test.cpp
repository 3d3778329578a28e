#include <gtest/gtest.h>

#include <string>

#include "tests/converters/hf_folder.hpp"
#include "tests/converters/status_codes.hpp"

namespace lanewise::converters {
namespace {

using DistilBertTest = HfEncoderFolderTest;

TEST_F(DistilBertTest, ChecksEveryField) {
  expect_refused("distilbert",
                 {{"dim", "35", kInvalid, "'dim' 35 is not a multiple of 'n_heads' 6"},
                  {"n_layers", "0", kInvalid, "'n_layers': expected"},
                  {"n_heads", "\"6\"", kInvalid, "'n_heads': expected"},
                  {"hidden_dim", "45", kInvalid, "expected [45, 36], file has [44, 36]"},
                  {"activation", "\"prelu\"", kUnsupported, "unknown activation 'prelu'"},
                  {"max_position_embeddings", "41", kInvalid, "file has [40, 36]"},
                  {"vocab_size", "null", kInvalid, "expected [30522, 36]"}});
}

TEST_F(DistilBertTest, ReadsTransformersCommonNames) {
  use("distilbert");
  for (const auto& [own, common] :
       {std::pair("dim", "hidden_size"), std::pair("n_layers", "num_hidden_layers"),
        std::pair("n_heads", "num_attention_heads"),
        std::pair("hidden_dim", "intermediate_size")}) {
    config_[common] = config_.at(own);
    config_.erase(own);
  }
  const Model model = loaded();
  EXPECT_EQ(model.info().max_tokens, 40);
  EXPECT_EQ(model.info().token_types, 0);
}

/// Of the layer norms, whose epsilon no config has.
TEST_F(DistilBertTest, HasTheClassesEpsilon) {
  use("distilbert");
  config_["layer_norm_eps"] = "0.5";
  write();
  EXPECT_EQ(*converted().node("embeddings.LayerNorm").attributes.get_double("eps", 0), 1e-12);
}

}  // namespace
}  // namespace lanewise::converters
