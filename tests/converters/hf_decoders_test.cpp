// Transformers' decoder-only models against Transformers, on every instruction set of this CPU:
// logits, and what is found greedily (tests/reference/make_hf_decoder_golden.py).

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "lanewise/convert.hpp"
#include "lanewise/generator.hpp"
#include "lanewise/session.hpp"
#include "ops/dispatch.hpp"
#include "ops/weights/f32/f32_kernels.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/golden_compare.hpp"
#include "tests/converters/hf_checkpoint.hpp"

namespace lanewise::converters {
namespace {

using Ids = std::vector<int32_t>;

/// Of the largest magnitude in Transformers' f32 output.
constexpr double kHfDecodersTolerance = 2e-5;
constexpr int64_t kHfDecodersNewTokens = 24;

struct HfDecodersSetting {
  std::string variant;
  std::string isa;
};

void PrintTo(const HfDecodersSetting& setting, std::ostream* out) {
  *out << setting.variant << ", " << setting.isa;
}

/// Instruction sets with f32 kernels of their own; the others run the same code.
std::vector<HfDecodersSetting> hf_decoders_settings() {
  std::vector<HfDecodersSetting> all;
  for (const ops::Isa isa : ops::all_isas()) {
    if (!ops::has_kernels<ops::LinearKernels>(isa)) continue;
    for (const std::string& variant : hf_variants(kHfDecoders)) {
      all.push_back({variant, std::string(ops::name_of(isa))});
    }
  }
  return all;
}

std::string hf_decoders_setting_name(const ::testing::TestParamInfo<HfDecodersSetting>& info) {
  return info.param.variant + "_" + info.param.isa;
}

class HfDecodersTest : public CheckpointFolderTest,
                       public ::testing::WithParamInterface<HfDecodersSetting> {
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
    HfCheckpoint checkpoint = hf_checkpoint(variant, kHfDecoders);
    config_ = checkpoint.config;
    write_config();
    write_tensors("model.safetensors", checkpoint.tensors);
    Result<Model> model = load(source_.string(), options_);
    EXPECT_TRUE(model.ok()) << model.status().message();
    EXPECT_FALSE(reported("unused")) << "a tensor";
    EXPECT_FALSE(reported("unknown field")) << "of the config";
    return models.emplace(variant, std::move(*model)).first->second;
  }

  SessionOptions options() const { return {.threads = 1, .isa = GetParam().isa, .outputs = {}}; }
};
INSTANTIATE_TEST_SUITE_P(Settings, HfDecodersTest, ::testing::ValuesIn(hf_decoders_settings()),
                         hf_decoders_setting_name);

TEST_P(HfDecodersTest, LogitsAgreeWithTransformers) {
  const TensorMap expected = hf_golden(GetParam().variant, kHfDecoders);
  Result<Session> session = Session::create(model(), options());
  ASSERT_TRUE(session.ok()) << session.status().message();
  const Result<TensorMap> found = session->run(
      {{"input_ids", expected.at("input_ids")}, {"attention_mask", expected.at("attention_mask")}});
  ASSERT_TRUE(found.ok()) << found.status().message();
  ASSERT_EQ(found->size(), 1U);
  ASSERT_EQ(found->at("logits").shape(), expected.at("logits").shape());
  const Difference difference = difference_of(found->at("logits"), expected.at("logits"));
  EXPECT_LE(difference.largest, kHfDecodersTolerance * difference.magnitude);
}

TEST_P(HfDecodersTest, FindsTransformersSequences) {
  const TensorMap expected = hf_golden(GetParam().variant, kHfDecoders);
  const std::vector<Ids> prompts = rows_of(expected.at("prompts"));
  const std::vector<Ids> ids = rows_of(expected.at("greedy_ids"));
  Result<Generator> generator = Generator::create(model(), options());
  ASSERT_TRUE(generator.ok()) << generator.status().message();
  GenerationOptions search = model().info().generation;
  search.max_new_tokens = kHfDecodersNewTokens;
  const auto found = generator->generate(prompts, search);
  ASSERT_TRUE(found.ok()) << found.status().message();
  for (size_t i = 0; i < prompts.size(); ++i) {
    EXPECT_EQ((*found)[i].hypotheses.at(0).ids, ids[i]) << "prompt " << i;
  }
}

}  // namespace
}  // namespace lanewise::converters
