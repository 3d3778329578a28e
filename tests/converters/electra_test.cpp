#include <gtest/gtest.h>

#include <string>

#include "tests/converters/hf_folder.hpp"
#include "tests/converters/status_codes.hpp"

namespace lanewise::converters {
namespace {

using ElectraTest = HfEncoderFolderTest;

TEST_F(ElectraTest, ChecksEveryField) {
  expect_refused(
      "electra",
      {{"embedding_size", "0", kInvalid, "'embedding_size': expected"},
       {"embedding_size", "21", kInvalid, "expected [61, 21], file has [61, 20]"},
       {"embedding_size", "null", kInvalid, "expected [61, 128], file has [61, 20]"},
       {"is_decoder", "true", kUnsupported, "is_decoder is not supported for electra"},
       {"architectures", "[\"ElectraForPreTraining\"]", kUnsupported, "'ElectraForPreTraining'"}});
}

TEST_F(ElectraTest, EqualWidthsNeedNoProjection) {
  use("electra");
  config_["embedding_size"] = "36";
  options_.as = "encoder";
  const std::string embeddings = "electra.embeddings.";
  set_tensor(embeddings + "word_embeddings.weight", {61, 36});
  set_tensor(embeddings + "position_embeddings.weight", {40, 36});
  set_tensor(embeddings + "token_type_embeddings.weight", {2, 36});
  set_tensor(embeddings + "LayerNorm.weight", {36});
  set_tensor(embeddings + "LayerNorm.bias", {36});
  loaded();
  EXPECT_TRUE(reported("'electra.embeddings_project.weight'"));
}

}  // namespace
}  // namespace lanewise::converters
