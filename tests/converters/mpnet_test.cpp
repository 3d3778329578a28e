#include <gtest/gtest.h>

#include <string>

#include "tests/converters/hf_folder.hpp"
#include "tests/converters/status_codes.hpp"

namespace lanewise::converters {
namespace {

using MpnetTest = HfEncoderFolderTest;

TEST_F(MpnetTest, ChecksEveryField) {
  expect_refused("mpnet", {{"relative_attention_num_buckets", "64", kUnsupported,
                            "relative_attention_num_buckets 64 is not supported; known: 32"},
                           {"max_position_embeddings", "2", kInvalid, "more than 2"},
                           {"pruned_heads", "{\"0\": [1]}", kUnsupported, "'pruned_heads'"},
                           {"num_attention_heads", "4", kInvalid, "file has [32, 6]"}});
}

TEST_F(MpnetTest, AllLayersShareTheBiasByDistance) {
  use("mpnet");
  EXPECT_EQ(loaded().info().max_tokens, 38);
  const ConvertedFile out = converted();
  const auto bias_of = [&](const char* layer) {
    return out.weight("encoder.layer." + std::string(layer) + ".attention.attn", "bias");
  };
  EXPECT_EQ(bias_of("0").shape, (Shape{6, 257}));
  EXPECT_EQ(bias_of("0").data, bias_of("1").data);
}

}  // namespace
}  // namespace lanewise::converters
