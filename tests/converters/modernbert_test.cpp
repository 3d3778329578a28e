#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/converters/hf_folder.hpp"
#include "tests/converters/status_codes.hpp"

namespace lanewise::converters {
namespace {

class ModernBertTest : public HfEncoderFolderTest {
 protected:
  /// The attribute of each attention, or 0.
  std::vector<int64_t> windows() {
    write();
    std::vector<int64_t> windows;
    for (const graph::Node& node : converted().graph.nodes) {
      if (node.op == "attention") windows.push_back(*node.attributes.get_int("window", 0));
    }
    return windows;
  }
};

TEST_F(ModernBertTest, ChecksEveryField) {
  expect_refused(
      "modernbert",
      {{"global_attn_every_n_layers", "0", kInvalid, "'global_attn_every_n_layers': expected"},
       {"layer_types", "[\"full_attention\"]", kInvalid, "'layer_types': expected 4 types"},
       {"layer_types", "[\"full_attention\", \"full_attention\", \"chunked\", \"full_attention\"]",
        kUnsupported, "unknown type 'chunked'"},
       {"local_attention", "0", kInvalid, "'local_attention': expected"},
       {"global_rope_theta", "0", kInvalid, "'global_rope_theta': expected a positive number"},
       {"rope_parameters", "{\"full_attention\": {\"rope_type\": \"axial\", \"factor\": 2}}",
        kUnsupported, "unknown rope_type 'axial'"},
       {"hidden_activation", "\"prelu\"", kUnsupported, "unknown hidden_activation"},
       {"classifier_pooling", "\"max\"", kUnsupported, "classifier_pooling 'max'"},
       {"classifier_activation", "\"prelu\"", kUnsupported, "unknown classifier_activation"},
       {"norm_eps", "2", kInvalid, "'norm_eps': expected"},
       {"attention_bias", "true", kNotFound, "Wqkv.bias"},
       {"mlp_bias", "true", kNotFound, "Wi.bias"},
       {"norm_bias", "true", kNotFound, "norm.bias"},
       {"classifier_bias", "true", kNotFound, "head.dense.bias"},
       {"num_attention_heads", "12", kInvalid, "expected an even number"}});
}

/// The config counts both sides; the operator one, with the token itself.
TEST_F(ModernBertTest, EveryThirdLayerIsGlobal) {
  use("modernbert");
  EXPECT_EQ(windows(), (std::vector<int64_t>{0, 5, 5, 0}));
  config_["global_attn_every_n_layers"] = "2";
  EXPECT_EQ(windows(), (std::vector<int64_t>{0, 5, 0, 5}));
  config_["local_attention"] = "7";
  config_["layer_types"] =
      "[\"sliding_attention\", \"full_attention\", \"full_attention\", \"full_attention\"]";
  EXPECT_EQ(windows(), (std::vector<int64_t>{4, 0, 0, 0}));
}

/// Second frequencies of a head of 6 features: theta^(-1/3).
TEST_F(ModernBertTest, ReadsBothSpellingsOfRotaryPositions) {
  use("modernbert");
  write();
  const auto second = [this](const std::string& node) {
    return converted().weight(node, "frequencies").as<float>()[1];
  };
  EXPECT_NEAR(second("rotary"), 0.0184202F, 1e-6F);
  EXPECT_NEAR(second("rotary.local"), 0.0464159F, 1e-6F);
  config_["global_rope_theta"] = "8000";
  config_["local_rope_theta"] = "1000";
  write();
  EXPECT_NEAR(second("rotary"), 0.05F, 1e-6F);
  EXPECT_NEAR(second("rotary.local"), 0.1F, 1e-6F);
  config_["rope_parameters"] =
      R"({"full_attention": {"rope_type": "default", "rope_theta": 1000.0},)"
      R"( "sliding_attention": {"rope_type": "default", "rope_theta": 8000.0}})";
  write();
  EXPECT_NEAR(second("rotary"), 0.1F, 1e-6F);
  EXPECT_NEAR(second("rotary.local"), 0.05F, 1e-6F);
}

TEST_F(ModernBertTest, TheFirstLayerHasNoNormOfItsOwn) {
  use("modernbert");
  write();
  const std::string text = textbook_graph();
  EXPECT_EQ(text.find("layers.0.attn_norm"), std::string::npos);
  EXPECT_NE(text.find("layers.1.attn_norm"), std::string::npos);
}

}  // namespace
}  // namespace lanewise::converters
