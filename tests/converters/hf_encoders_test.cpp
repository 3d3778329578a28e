// Encoders and their heads against Transformers, or against the published code's formulas, on every
// instruction set of this CPU (tests/reference/make_hf_encoder_golden.py).

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "lanewise/convert.hpp"
#include "lanewise/session.hpp"
#include "ops/dispatch.hpp"
#include "ops/weights/f32/f32_kernels.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/golden_compare.hpp"
#include "tests/converters/hf_checkpoint.hpp"

namespace lanewise::converters {
namespace {

/// Of the largest magnitude in the reference's output.
constexpr double kHfEncodersTolerance = 2e-5;

struct EncoderSetting {
  std::string variant;
  std::string isa;
};

void PrintTo(const EncoderSetting& setting, std::ostream* out) {
  *out << setting.variant << ", " << setting.isa;
}

/// Instruction sets with f32 kernels of their own; the others run the same code.
std::vector<EncoderSetting> hf_encoders_settings() {
  std::vector<EncoderSetting> all;
  for (const ops::Isa isa : ops::all_isas()) {
    if (!ops::has_kernels<ops::LinearKernels>(isa)) continue;
    for (const std::string& variant : hf_variants(kHfEncoders)) {
      all.push_back({variant, std::string(ops::name_of(isa))});
    }
  }
  return all;
}

std::string hf_encoders_setting_name(const ::testing::TestParamInfo<EncoderSetting>& info) {
  return info.param.variant + "_" + info.param.isa;
}

class HfEncodersTest : public CheckpointFolderTest,
                       public ::testing::WithParamInterface<EncoderSetting> {
 protected:
  void SetUp() override {
    if (!ops::find_isa(GetParam().isa).ok()) GTEST_SKIP() << "this CPU has no " << GetParam().isa;
    CheckpointFolderTest::SetUp();
  }

  /// Converted once.
  const Model& model() {
    static std::map<std::string, Model> models;
    const std::string& variant = GetParam().variant;
    if (const auto found = models.find(variant); found != models.end()) return found->second;
    HfCheckpoint checkpoint = hf_checkpoint(variant, kHfEncoders);
    config_ = checkpoint.config;
    write_config();
    write_tensors("model.safetensors", checkpoint.tensors);
    Result<Model> model = load(source_.string(), options_);
    EXPECT_TRUE(model.ok()) << model.status().message();
    EXPECT_FALSE(reported("unused")) << "a tensor";
    EXPECT_FALSE(reported("unknown field")) << "of the config";
    return models.emplace(variant, std::move(*model)).first->second;
  }
};
INSTANTIATE_TEST_SUITE_P(Settings, HfEncodersTest, ::testing::ValuesIn(hf_encoders_settings()),
                         hf_encoders_setting_name);

TEST_P(HfEncodersTest, OutputsAgreeWithTheReference) {
  TensorMap expected = hf_golden(GetParam().variant, kHfEncoders);
  const TensorMap inputs = {{"input_ids", expected.at("input_ids")},
                            {"attention_mask", expected.at("attention_mask")}};
  for (const auto& [name, tensor] : inputs) expected.erase(name);
  ASSERT_TRUE(expected.contains("last_hidden_state"));
  Result<Session> session =
      Session::create(model(), {.threads = 1, .isa = GetParam().isa, .outputs = {}});
  ASSERT_TRUE(session.ok()) << session.status().message();
  const Result<TensorMap> found = session->run(inputs);
  ASSERT_TRUE(found.ok()) << found.status().message();
  for (const auto& [name, tensor] : expected) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(found->contains(name));
    ASSERT_EQ(found->at(name).shape(), tensor.shape());
    const Difference difference = difference_of(found->at(name), tensor);
    EXPECT_LE(difference.largest, kHfEncodersTolerance * difference.magnitude);
    EXPECT_GT(difference.magnitude, 0.1);
  }
}

}  // namespace
}  // namespace lanewise::converters
