#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/converters/hf_folder.hpp"
#include "tests/converters/status_codes.hpp"

namespace lanewise::converters {
namespace {

using RoFormerTest = HfEncoderFolderTest;

TEST_F(RoFormerTest, ChecksEveryField) {
  expect_refused("roformer", {{"embedding_size", "21", kInvalid, "expected [61, 21]"},
                              {"num_attention_heads", "4", kInvalid, "an even number of features"},
                              {"rotary_value", "1", kInvalid, "'rotary_value': expected true"},
                              {"is_decoder", "true", kUnsupported, "is_decoder"}});
}

TEST_F(RoFormerTest, TurnsValuesOnRequest) {
  use("roformer");
  config_["rotary_value"] = "false";
  write();
  const ConvertedFile out = converted();
  // One node turns queries and keys of a layer.
  EXPECT_EQ(std::ranges::count(out.graph.nodes, "rotary", &graph::Node::op), 2);
  for (const graph::Node& node : out.graph.nodes) {
    if (node.op != "rotary") continue;
    EXPECT_TRUE(*node.attributes.get_bool("interleaved", false));
  }
}

TEST_F(RoFormerTest, KnowsTheTableThatOlderCheckpointsCarry) {
  use("roformer");
  set_tensor("roformer.encoder.embed_positions.weight", {40, 6});
  loaded();
  EXPECT_FALSE(reported("unused"));
}

}  // namespace
}  // namespace lanewise::converters
