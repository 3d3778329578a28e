#include <gtest/gtest.h>

#include <string>

#include "tests/converters/hf_folder.hpp"
#include "tests/converters/status_codes.hpp"

namespace lanewise::converters {
namespace {

using RobertaTest = HfEncoderFolderTest;

TEST_F(RobertaTest, ChecksEveryField) {
  expect_refused(
      "roberta",
      {{"vocab_size", "0", kInvalid, "'vocab_size': expected an integer from 1"},
       {"hidden_size", "\"36\"", kInvalid, "'hidden_size': expected"},
       {"num_attention_heads", "5", kInvalid, "'hidden_size' 36 is not a multiple"},
       {"num_hidden_layers", "100000", kInvalid, "'num_hidden_layers': expected"},
       {"max_position_embeddings", "2", kInvalid, "more than 'pad_token_id' 1 + 1"},
       {"pad_token_id", "-1", kInvalid, "'pad_token_id': expected"},
       {"pad_token_id", "39", kInvalid, "more than 'pad_token_id' 39 + 1"},
       {"hidden_act", "\"prelu\"", kUnsupported, "unknown hidden_act 'prelu'"},
       {"layer_norm_eps", "-1", kInvalid, "'layer_norm_eps': expected"},
       {"position_embedding_type", "\"relative_key\"", kUnsupported, "'relative_key'"},
       {"is_decoder", "true", kUnsupported, "is_decoder is not supported for roberta"},
       {"add_cross_attention", "true", kUnsupported, "add_cross_attention"},
       {"pruned_heads", "{\"0\": [0, 1, 2, 3, 4, 5]}", kUnsupported, "leaves no head in layer 0"},
       {"architectures", "[\"RobertaForMultipleChoice\"]", kUnsupported,
        "'RobertaForMultipleChoice'"},
       {"type_vocab_size", "2", kInvalid, "expected [2, 36], file has [1, 36]"}});
}

/// The first rows of the table are those of padding.
TEST_F(RobertaTest, PositionsStartBehindThePaddings) {
  use("roberta");
  EXPECT_EQ(loaded().info().max_tokens, 38);
  ConvertedFile out = converted();
  EXPECT_EQ(*out.node("embeddings").attributes.get_int("position_offset", 0), 2);
  EXPECT_EQ(*out.node("embeddings").attributes.get_int("max_positions", 0), 38);
  config_["pad_token_id"] = "0";
  EXPECT_EQ(loaded().info().max_tokens, 39);
}

TEST_F(RobertaTest, AFieldThatItDoesNotKnowIsReported) {
  use("roberta");
  config_["hidden_sise"] = "40";
  loaded();
  EXPECT_TRUE(reported("unknown field 'hidden_sise'"));
}

TEST_F(RobertaTest, TheEncoderAloneHasTheVectorsOfTokens) {
  use("camembert");
  options_.as = "encoder";
  const Model model = loaded();
  EXPECT_EQ(model.info().task, "embedding");
  const ConvertedFile out = converted();
  EXPECT_TRUE(out.graph.outputs.contains("sentence_embedding"));
  EXPECT_FALSE(out.graph.outputs.contains("logits"));
}

}  // namespace
}  // namespace lanewise::converters
