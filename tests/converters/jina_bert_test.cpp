#include <gtest/gtest.h>

#include <string>

#include "tests/converters/hf_folder.hpp"
#include "tests/converters/status_codes.hpp"

namespace lanewise::converters {
namespace {

using JinaBertTest = HfEncoderFolderTest;

TEST_F(JinaBertTest, ChecksEveryField) {
  expect_refused("jina_published",
                 {{"feed_forward_type", "\"original\"", kUnsupported, "known: geglu, reglu"},
                  {"feed_forward_type", "null", kUnsupported, "'original' is not supported"},
                  {"max_position_embeddings", "2000000000", kInvalid, "less for 6 heads"},
                  {"is_decoder", "true", kUnsupported, "is_decoder is not supported for jina_bert"},
                  {"pruned_heads", "{\"0\": [1]}", kUnsupported, "'pruned_heads'"},
                  {"intermediate_size", "75", kInvalid, "expected [150, 60], file has [152, 60]"}});
}

/// Six heads: the slopes of four, then every second one of eight.
TEST_F(JinaBertTest, ScoresFallWithTheDistance) {
  use("jina_published");
  write();
  const ConvertedFile out = converted();
  const TensorView bias = out.weight("encoder.layer.2.attention.self", "bias");
  ASSERT_EQ(bias.shape, (Shape{6, 127}));
  const float slopes[] = {0.25F, 0.0625F, 0.015625F, 0.00390625F, 0.5F, 0.125F};
  for (int64_t h = 0; h < 6; ++h) {
    const float* row = bias.as<float>() + h * 127;
    EXPECT_EQ(row[63], 0.0F);
    EXPECT_EQ(row[63 + 10], -10 * slopes[h]);
    EXPECT_EQ(row[63 - 63], -63 * slopes[h]);
  }
}

TEST_F(JinaBertTest, ItsOwnTypeIsKnownToo) {
  use("jina_published_norms");
  config_["model_type"] = "\"jina_bert\"";
  EXPECT_EQ(loaded().info().family, "jina_bert");
}

}  // namespace
}  // namespace lanewise::converters
