// Transformers' encoder-decoders compared with Transformers, on every instruction set of this CPU:
// logits, greedy and beam search (tests/reference/make_hf_seq2seq_golden.py).

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

/// Relative to the largest magnitude in Transformers' f32 output.
constexpr double kHfSeq2seqTolerance = 2e-5;
constexpr double kHfSeq2seqScoreTolerance = 1e-4;
constexpr int64_t kHfSeq2seqNewTokens = 20;

struct Seq2SeqSetting {
  std::string variant;
  std::string isa;
};

void PrintTo(const Seq2SeqSetting& setting, std::ostream* out) {
  *out << setting.variant << ", " << setting.isa;
}

/// Instruction sets with f32 kernels of their own; the others run the same code.
std::vector<Seq2SeqSetting> hf_seq2seq_settings() {
  std::vector<Seq2SeqSetting> all;
  for (const ops::Isa isa : ops::all_isas()) {
    if (!ops::has_kernels<ops::LinearKernels>(isa)) continue;
    for (const std::string& variant : hf_variants(kHfSeq2Seq)) {
      all.push_back({variant, std::string(ops::name_of(isa))});
    }
  }
  return all;
}

std::string hf_seq2seq_setting_name(const ::testing::TestParamInfo<Seq2SeqSetting>& info) {
  return info.param.variant + "_" + info.param.isa;
}

class HfSeq2SeqTest : public CheckpointFolderTest,
                      public ::testing::WithParamInterface<Seq2SeqSetting> {
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
    HfCheckpoint checkpoint = hf_checkpoint(variant);
    config_ = checkpoint.config;
    write_config();
    if (!checkpoint.generation_config.empty()) {
      put("generation_config.json", checkpoint.generation_config);
    }
    write_tensors("model.safetensors", checkpoint.tensors);
    Result<Model> model = load(source_.string(), options_);
    EXPECT_TRUE(model.ok()) << model.status().message();
    EXPECT_FALSE(reported("unused")) << "a tensor";
    EXPECT_FALSE(reported("unknown field")) << "of the config";
    return models.emplace(variant, std::move(*model)).first->second;
  }

  SessionOptions options() const { return {.threads = 1, .isa = GetParam().isa, .outputs = {}}; }
};
INSTANTIATE_TEST_SUITE_P(Settings, HfSeq2SeqTest, ::testing::ValuesIn(hf_seq2seq_settings()),
                         hf_seq2seq_setting_name);

/// Compares the first elements of `found`, as many as are expected.
void expect_hf_seq2seq_close(const Tensor& found, const Tensor& expected, const std::string& name) {
  const Difference difference = difference_of(found, expected);
  EXPECT_LE(difference.largest, kHfSeq2seqTolerance * difference.magnitude)
      << name << " of up to " << difference.magnitude;
}

TEST_P(HfSeq2SeqTest, LogitsAgreeWithTransformers) {
  const TensorMap expected = hf_golden(GetParam().variant);
  Result<Session> session = Session::create(model(), options());
  ASSERT_TRUE(session.ok()) << session.status().message();
  TensorMap inputs;
  for (const char* name :
       {"input_ids", "attention_mask", "decoder_input_ids", "decoder_attention_mask"}) {
    inputs[name] = expected.at(name);
  }
  const Result<TensorMap> found = session->run(inputs);
  ASSERT_TRUE(found.ok()) << found.status().message();
  ASSERT_EQ(found->size(), 2U);
  ASSERT_EQ(found->at("logits").shape(), expected.at("logits").shape());
  expect_hf_seq2seq_close(found->at("logits"), expected.at("logits"), "logits");
  // For the first row, which is the longest.
  expect_hf_seq2seq_close(found->at("encoder_last_hidden_state"),
                          expected.at("first_encoder_last_hidden_state"),
                          "encoder_last_hidden_state");
}

TEST_P(HfSeq2SeqTest, FindsTransformersSequences) {
  const TensorMap expected = hf_golden(GetParam().variant);
  const std::vector<Ids> sources = rows_of(expected.at("sources"));
  Result<Generator> generator = Generator::create(model(), options());
  ASSERT_TRUE(generator.ok()) << generator.status().message();
  GenerationOptions search = model().info().generation;
  search.max_new_tokens = kHfSeq2seqNewTokens;
  for (const int beams : {1, 4}) {
    search.beams = beams;
    const auto found = generator->generate(sources, search);
    ASSERT_TRUE(found.ok()) << found.status().message();
    const std::vector<Ids> ids = rows_of(expected.at(beams == 1 ? "greedy_ids" : "beam_ids"));
    for (size_t i = 0; i < sources.size(); ++i) {
      const Hypothesis& best = (*found)[i].hypotheses.at(0);
      EXPECT_EQ(best.ids, ids[i]) << "beams " << beams << ", source " << i;
      if (beams == 1) continue;
      EXPECT_NEAR(best.score, expected.at("beam_scores").as<float>()[i], kHfSeq2seqScoreTolerance);
    }
  }
}

}  // namespace
}  // namespace lanewise::converters
