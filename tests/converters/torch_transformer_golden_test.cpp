// torch.nn.Transformer compared with PyTorch, on every instruction set of this CPU: logits, greedy
// and beam search (tests/reference/make_torch_transformer_golden.py).

#include <gtest/gtest.h>

#include <bit>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "lanewise/convert.hpp"
#include "lanewise/generator.hpp"
#include "lanewise/session.hpp"
#include "lanewise/translator.hpp"
#include "ops/dispatch.hpp"
#include "ops/weights/f32/f32_kernels.hpp"
#include "runtime/text/utf8.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/golden_compare.hpp"
#include "tests/converters/torch_checkpoint.hpp"

namespace lanewise::converters {
namespace {

using Ids = std::vector<int32_t>;

/// Relative to the largest magnitude in PyTorch's f32 output.
constexpr double kTorchTransformerGoldenTolerance = 2e-5;
constexpr double kTorchTransformerGoldenScoreTolerance = 1e-4;
constexpr int64_t kTorchTransformerGoldenNewTokens = 24;
constexpr int64_t kMostTokens = 64;

struct TorchTransformerGoldenSetting {
  bool pre_norm;
  std::string isa;
  int threads;
};

void PrintTo(const TorchTransformerGoldenSetting& setting, std::ostream* out) {
  *out << (setting.pre_norm ? "pre_norm, " : "post_norm, ") << setting.isa << ", "
       << setting.threads << " threads";
}

/// Instruction sets with f32 kernels of their own; the others run the same code.
std::vector<TorchTransformerGoldenSetting> torch_transformer_golden_settings() {
  std::vector<TorchTransformerGoldenSetting> all;
  for (const ops::Isa isa : ops::all_isas()) {
    if (!ops::has_kernels<ops::LinearKernels>(isa)) continue;
    for (const bool pre_norm : {false, true}) {
      for (const int threads : {1, 2}) {
        all.push_back({pre_norm, std::string(ops::name_of(isa)), threads});
      }
    }
  }
  return all;
}

std::string torch_transformer_golden_setting_name(
    const ::testing::TestParamInfo<TorchTransformerGoldenSetting>& info) {
  return std::string(info.param.pre_norm ? "pre_norm_" : "post_norm_") + info.param.isa +
         "_threads" + std::to_string(info.param.threads);
}

/// `<pad>`, `<s>`, `</s>`, then the characters from U+4E00 on; on the target's side `T3`, `T4`, ...
std::string token(int64_t id, bool source) {
  static const char* const kSpecial[] = {"<pad>", "<s>", "</s>"};
  if (id < 3) return kSpecial[id];
  std::string character;
  text::append_utf8(static_cast<char32_t>(0x4E00 + id), &character);
  return source ? character : "T" + std::to_string(id);
}

std::string vocabulary(int64_t size, bool source) {
  std::string list;
  for (int64_t id = 0; id < size; ++id) {
    list.append(list.empty() ? "[\"" : ", \"").append(token(id, source)).append("\"");
  }
  return list + "]";
}

class TorchTransformerGoldenTest
    : public CheckpointFolderTest,
      public ::testing::WithParamInterface<TorchTransformerGoldenSetting> {
 protected:
  void SetUp() override {
    if (!ops::find_isa(GetParam().isa).ok()) GTEST_SKIP() << "this CPU has no " << GetParam().isa;
    CheckpointFolderTest::SetUp();
  }

  /// Converted once.
  const Model& model() {
    static std::map<std::string, Model> models;
    return cached(models, "torch_transformer", [&] {
      config_["target_vocabulary"] = vocabulary(TorchSizes().target_tokens, false);
      config_["bos_token_id"] = "1";
      config_["eos_token_id"] = "2";
      config_["pad_token_id"] = "0";
    });
  }
  /// The encoder of the same weights, with its `generator` as the head.
  const Model& encoder() {
    static std::map<std::string, Model> models;
    return cached(models, "torch_transformer_encoder", [&] {
      config_["keys"] = R"({"embedding.weight": "src_tok_emb.embedding.weight", "out.":
                            "generator.", "encoder.": "transformer.encoder."})";
      config_["ignore"] = R"(["tgt_tok_emb.", "transformer.decoder."])";
    });
  }

  TensorMap golden() const {
    return torch_golden(GetParam().pre_norm ? "pre_norm_gelu" : "post_norm_relu");
  }
  SessionOptions options() const {
    return {.threads = GetParam().threads, .isa = GetParam().isa, .outputs = {}};
  }
  GenerationOptions search(int beams) {
    GenerationOptions options = model().info().generation;
    options.beams = beams;
    options.max_new_tokens = kTorchTransformerGoldenNewTokens;
    return options;
  }
  Generator generator() {
    Result<Generator> generator = Generator::create(model(), options());
    EXPECT_TRUE(generator.ok()) << generator.status().message();
    return std::move(*generator);
  }

 private:
  template <typename More>
  const Model& cached(std::map<std::string, Model>& models, const std::string& type, More more) {
    const bool pre_norm = GetParam().pre_norm;
    const std::string key = pre_norm ? "pre" : "post";
    if (const auto found = models.find(key); found != models.end()) return found->second;
    config_ = {{"model_type", '"' + type + '"'},
               {"nhead", "5"},
               {"activation", pre_norm ? "\"gelu\"" : "\"relu\""},
               {"norm_first", pre_norm ? "true" : "false"},
               {"max_length", std::to_string(kMostTokens)},
               {"source_split", "\"characters\""},
               {"source_vocabulary", vocabulary(TorchSizes().source_tokens, true)}};
    more();
    tensors_ = torch_state_dict({});
    const std::string positions = "positional_encoding.pos_embedding";
    if (!pre_norm) tensors_[positions] = torch_weight(positions, {kMostTokens, 1, 130});
    write_config();
    write_tensors("model.safetensors", tensors_);
    Result<Model> model = load(source_.string());
    EXPECT_TRUE(model.ok()) << model.status().message();
    return models.emplace(key, std::move(*model)).first->second;
  }
};
INSTANTIATE_TEST_SUITE_P(Settings, TorchTransformerGoldenTest,
                         ::testing::ValuesIn(torch_transformer_golden_settings()),
                         torch_transformer_golden_setting_name);

void expect_torch_transformer_golden_close(const Tensor& found, const Tensor& expected,
                                           const std::string& name) {
  ASSERT_EQ(found.shape(), expected.shape()) << name;
  const Difference difference = difference_of(found, expected);
  EXPECT_LE(difference.largest, kTorchTransformerGoldenTolerance * difference.magnitude) << name;
}

TensorMap subset(const TensorMap& tensors, std::initializer_list<const char*> names) {
  TensorMap chosen;
  for (const char* name : names) chosen[name] = tensors.at(name);
  return chosen;
}

TEST_P(TorchTransformerGoldenTest, LogitsAgreeWithPyTorch) {
  const TensorMap expected = golden();
  Result<Session> session = Session::create(model(), options());
  ASSERT_TRUE(session.ok()) << session.status().message();
  const Result<TensorMap> found = session->run(subset(
      expected, {"input_ids", "attention_mask", "decoder_input_ids", "decoder_attention_mask"}));
  ASSERT_TRUE(found.ok()) << found.status().message();
  ASSERT_EQ(found->size(), 2U);
  for (const char* name : {"logits", "encoder_last_hidden_state"}) {
    expect_torch_transformer_golden_close(found->at(name), expected.at(name), name);
  }
}

TEST_P(TorchTransformerGoldenTest, TheEncoderAloneAgreesWithPyTorch) {
  const TensorMap expected = golden();
  Result<Session> session = Session::create(encoder(), options());
  ASSERT_TRUE(session.ok()) << session.status().message();
  const Result<TensorMap> found = session->run(subset(expected, {"input_ids", "attention_mask"}));
  ASSERT_TRUE(found.ok()) << found.status().message();
  expect_torch_transformer_golden_close(found->at("last_hidden_state"),
                                        expected.at("encoder_last_hidden_state"), "hidden");
  expect_torch_transformer_golden_close(found->at("logits"), expected.at("encoder_logits"),
                                        "logits");
}

TEST_P(TorchTransformerGoldenTest, FindsPyTorchsSequences) {
  const TensorMap expected = golden();
  std::vector<Ids> sources = rows_of(expected.at("sources"));
  // The next test checks that threads change nothing.
  if (GetParam().threads > 1) sources.resize(16);
  Generator generator = this->generator();
  for (const int beams : {1, 4}) {
    const std::string kind = beams == 1 ? "greedy" : "beam";
    const auto found = generator.generate(sources, search(beams));
    ASSERT_TRUE(found.ok()) << found.status().message();
    const std::vector<Ids> ids = rows_of(expected.at(kind + "_ids"));
    for (size_t i = 0; i < sources.size(); ++i) {
      const Hypothesis& best = (*found)[i].hypotheses.at(0);
      EXPECT_EQ(best.ids, ids[i]) << kind << " " << i;
      EXPECT_NEAR(best.score, expected.at(kind + "_scores").as<float>()[i],
                  kTorchTransformerGoldenScoreTolerance);
    }
  }
}

/// Ids and the bits of scores, of all hypotheses.
using Exact = std::vector<std::pair<Ids, uint32_t>>;

Exact exact(const Generation& generation) {
  Exact result;
  for (const Hypothesis& hypothesis : generation.hypotheses) {
    result.emplace_back(hypothesis.ids, std::bit_cast<uint32_t>(hypothesis.score));
  }
  return result;
}

TEST_P(TorchTransformerGoldenTest, GivesASourceTheSameIdsAndScoresAloneAndInABatch) {
  std::vector<Ids> sources = rows_of(golden().at("sources"));
  sources.resize(32);
  Generator generator = this->generator();
  // The same on every instruction set with FMA and on any number of threads.
  static std::map<std::pair<bool, int>, std::vector<Exact>> everywhere;
  for (const int beams : {1, 4}) {
    GenerationOptions options = search(beams);
    options.num_return_sequences = beams;
    const auto batch = generator.generate(sources, options);
    ASSERT_TRUE(batch.ok()) << batch.status().message();
    std::vector<Exact> results;
    for (size_t i = 0; i < sources.size(); ++i) {
      results.push_back(exact((*batch)[i]));
      if (GetParam().threads > 1 && i % 8 != 0) continue;
      const auto alone = generator.generate({&sources[i], 1}, options);
      ASSERT_TRUE(alone.ok()) << alone.status().message();
      EXPECT_EQ(exact(alone->front()), results.back()) << "source " << i << ", beams " << beams;
    }
    if (GetParam().isa == "baseline") continue;
    const auto& [key, first] = *everywhere.try_emplace({GetParam().pre_norm, beams}, results).first;
    EXPECT_EQ(results, first);
  }
}

TEST_P(TorchTransformerGoldenTest, TranslatesTexts) {
  const TensorMap expected = golden();
  std::vector<Ids> sources = rows_of(expected.at("sources"));
  sources.resize(8);
  const std::vector<Ids> targets = rows_of(expected.at("greedy_ids"));
  std::vector<std::string> texts;
  for (const Ids& ids : sources) {
    std::string& text = texts.emplace_back();
    for (const int32_t id : ids) text += token(id, true);
  }
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  Result<Translator> translator = Translator::create(model(), options());
  ASSERT_TRUE(translator.ok()) << translator.status().message();
  std::vector<std::string> pieces(texts.size());
  TranslationCallbacks callbacks;
  callbacks.on_text = [&](int64_t source, std::string_view piece) {
    pieces[static_cast<size_t>(source)] += piece;
    return true;
  };
  const auto found = translator->translate(views, search(1), callbacks);
  ASSERT_TRUE(found.ok()) << found.status().message();
  for (size_t i = 0; i < sources.size(); ++i) {
    std::string text;
    for (const int32_t id : targets[i]) {
      if (id > 2) text.append(text.empty() ? "" : " ").append(token(id, false));
    }
    EXPECT_EQ((*found)[i].hypotheses.at(0).ids, targets[i]);
    EXPECT_EQ((*found)[i].texts.at(0), text);
    EXPECT_EQ(pieces[i], text);
  }
  const std::string_view unknown[] = {views[0], "\xE4\xB8\x83x"};
  const auto refused = translator->translate(unknown, search(1));
  EXPECT_EQ(refused.status().message(), "text 2: token 'x' at byte 3 is not in the vocabulary");
}

}  // namespace
}  // namespace lanewise::converters
