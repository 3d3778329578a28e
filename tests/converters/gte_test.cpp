#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "tests/converters/hf_folder.hpp"
#include "tests/converters/status_codes.hpp"

namespace lanewise::converters {
namespace {

using GteTest = HfEncoderFolderTest;

TEST_F(GteTest, ChecksEveryField) {
  expect_refused(
      "gte_published",
      {{"position_embedding_type", "\"absolute\"", kUnsupported, "'absolute' is not supported"},
       {"layer_norm_type", "\"rms_norm\"", kUnsupported, "layer_norm_type 'rms_norm'"},
       {"logn_attention_scale", "true", kUnsupported, "'logn_attention_scale' true"},
       {"rope_theta", "0", kInvalid, "'rope_theta': expected a positive number"},
       {"rope_scaling", "{\"type\": \"ntk\"}", kInvalid, "'factor': expected a positive number"},
       {"rope_scaling", "{\"type\": \"ntk\", \"factor\": 2, \"mixed_b\": 0.75}", kUnsupported,
        "'mixed_b' is not supported"},
       {"rope_scaling", "{\"type\": \"axial\", \"factor\": 2}", kUnsupported, "longrope, ntk"},
       {"pruned_heads", "{\"0\": [1]}", kUnsupported, "'pruned_heads'"},
       {"type_vocab_size", "2", kInvalid, "expected [2, 60], file has [1, 60]"}});
}

TEST_F(GteTest, ScalesFrequenciesAtEveryLength) {
  use("gte_published");
  write();
  const ConvertedFile out = converted();
  const TensorView scaled = out.weight("rotary", "frequencies");
  for (int i = 0; i < 5; ++i) {
    const double expected = std::pow(500.0 * 8, -i / 5.0) / std::pow(8.0, 0.2);
    EXPECT_NEAR(scaled.as<float>()[i], expected, 1e-6);
  }
}

TEST_F(GteTest, ReadsTheModelInsideItsHeadsClass) {
  use("gte_published");
  add_prefix("new.");
  config_["architectures"] = "[\"NewForSequenceClassification\"]";
  config_["num_labels"] = "1";
  for (const char* layer : {"new.pooler.dense", "classifier"}) {
    const int64_t out = std::string(layer) == "classifier" ? 1 : 60;
    set_tensor(std::string(layer) + ".weight", {out, 60});
    set_tensor(std::string(layer) + ".bias", {out});
  }
  const Model model = loaded();
  EXPECT_EQ(model.info().task, "text-classification");
}

}  // namespace
}  // namespace lanewise::converters
