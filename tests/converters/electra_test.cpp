#include <gtest/gtest.h>

#include <string>

#include "tests/converters/hf_folder.hpp"

namespace lanewise::converters {
namespace {

constexpr auto kInvalid = StatusCode::kInvalidArgument;
constexpr auto kUnsupported = StatusCode::kUnsupported;

using ElectraTest = HfEncoderFolderTest;

TEST_F(ElectraTest, ChecksEveryField) {
  expect_refused("electra",
                 {{"embedding_size", "0", kInvalid, "'embedding_size': expected"},
                  {"embedding_size", "21", kInvalid, "expected [61, 21], file has [61, 20]"},
                  {"embedding_size", "null", kInvalid, "expected [61, 128], file has [61, 20]"},
                  {"num_attention_heads", "null", kInvalid, "file has"},
                  {"is_decoder", "true", kUnsupported, "is_decoder is not supported for electra"},
                  {"architectures", "[\"ElectraForPreTraining\"]", kUnsupported,
                   "'ElectraForPreTraining'"}});
}

TEST_F(ElectraTest, EqualWidthsNeedNoProjection) {
  use("electra");
  write();
  EXPECT_EQ(converted().node("embeddings_project").op, "linear");
  config_["embedding_size"] = "36";
  write();
  const std::string message = failure(kInvalid);
  EXPECT_FALSE(has(message, "embeddings_project"));
}

}  // namespace
}  // namespace lanewise::converters
