#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/converters/hf_folder.hpp"
#include "tests/converters/status_codes.hpp"

namespace lanewise::converters {
namespace {

using AlbertTest = HfEncoderFolderTest;

TEST_F(AlbertTest, ChecksEveryField) {
  expect_refused("albert",
                 {{"num_hidden_groups", "4", kInvalid, "'num_hidden_groups': expected"},
                  {"num_hidden_groups", "3", StatusCode::kNotFound, "albert_layer_groups.2."},
                  {"inner_group_num", "0", kInvalid, "'inner_group_num': expected"},
                  {"inner_group_num", "2000", kInvalid, "'inner_group_num': expected"},
                  {"embedding_size", "19", kInvalid, "expected [61, 19], file has [61, 20]"},
                  {"pruned_heads", "{\"0\": [1]}", kUnsupported, "'pruned_heads'"},
                  {"is_decoder", "true", kUnsupported, "is_decoder"}});
}

/// Three layers of two parts each, in two groups: the file has the weights of four.
TEST_F(AlbertTest, LayersOfAGroupShareTheirWeights) {
  use("albert");
  write();
  const ConvertedFile out = converted();
  EXPECT_EQ(std::ranges::count(out.graph.nodes, "attention", &graph::Node::op), 6);
  const auto weight_of = [&](const std::string& layer, const std::string& group) {
    const std::string name =
        "layer." + layer + ".encoder.albert_layer_groups." + group + ".albert_layers.1.ffn";
    return out.node(name).weights.at("weight");
  };
  EXPECT_EQ(weight_of("0", "0"), weight_of("1", "0"));
  EXPECT_NE(weight_of("1", "0"), weight_of("2", "1"));
}

}  // namespace
}  // namespace lanewise::converters
