// Which tokenizer a Hugging Face folder gets, and the languages of multilingual models.

#include "converters/families/hf_tokenizer.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lanewise/translator.hpp"
#include "runtime/model_data.hpp"
#include "runtime/text/tokenizer.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/hf_checkpoint.hpp"
#include "tests/runtime/text_subword_golden.hpp"

namespace lanewise::converters {
namespace {

using Ids = std::vector<int32_t>;
using Json = nlohmann::json;

constexpr const char* kHfTokenizerTokens[] = {"<s>",      "<pad>",    "</s>",  "<unk>",
                                              "fra_Latn", "eng_Latn", "en_XX", "river"};

/// A tokenizer.json whose template is `<s> text </s>`.
Json tokenizer_json() {
  Json vocabulary = Json::object();
  Json added = Json::array();
  for (const char* token : kHfTokenizerTokens) {
    const auto id = static_cast<int>(vocabulary.size());
    vocabulary[token] = id;
    if (token == std::string("river")) continue;
    added.push_back({{"id", id}, {"content", token}, {"special", true}, {"normalized", false}});
  }
  return {
      {"added_tokens", added},
      {"pre_tokenizer", {{"type", "WhitespaceSplit"}}},
      {"post_processor", {{"type", "BertProcessing"}, {"cls", {"<s>", 0}}, {"sep", {"</s>", 2}}}},
      {"model", {{"type", "WordLevel"}, {"vocab", vocabulary}, {"unk_token", "<unk>"}}}};
}

class HfTokenizerTest : public CheckpointFolderTest {
 protected:
  /// A checkpoint of `variant` with that tokenizer.json and these settings.
  Result<Model> loaded(const std::string& variant, const Json& settings) {
    const HfCheckpoint checkpoint = hf_checkpoint(variant);
    config_ = checkpoint.config;
    if (!class_in_config_.empty()) config_["tokenizer_class"] = class_in_config_;
    write_config();
    write_tensors("model.safetensors", checkpoint.tensors);
    put("tokenizer.json", tokenizer_json().dump());
    put("tokenizer_config.json", settings.dump());
    return load(source_.string(), options_);
  }

  std::string class_in_config_;  // JSON

  Ids river(const std::string& variant, const Json& settings) {
    const Result<Model> model = loaded(variant, settings);
    EXPECT_TRUE(model.ok()) << model.status().message();
    if (!model.ok()) return {};
    const auto encoding = (*model->data().open_tokenizer())->encode("river", {});
    Ids ids;
    for (const text::Token& token : encoding->tokens) ids.push_back(token.id);
    return ids;
  }
};

TEST_F(HfTokenizerTest, ClassesOfMultilingualModelsHaveTheirOwnTemplate) {
  const char* kNllb = "NllbTokenizerFast";
  EXPECT_EQ(river("m2m_100", {{"tokenizer_class", kNllb}}), (Ids{5, 7, 2}));
  EXPECT_EQ(river("m2m_100", {{"tokenizer_class", kNllb}, {"src_lang", "fra_Latn"}}),
            (Ids{4, 7, 2}));
  EXPECT_EQ(river("m2m_100", {{"tokenizer_class", kNllb}, {"legacy_behaviour", true}}),
            (Ids{7, 2, 5}));
  EXPECT_EQ(river("mbart", {{"tokenizer_class", "MBartTokenizer"}}), (Ids{7, 2, 6}));
  EXPECT_EQ(river("mbart", {{"tokenizer_class", "MBart50TokenizerFast"}}), (Ids{6, 7, 2}));
}

TEST_F(HfTokenizerTest, TheConfigOfTheModelMayNameTheClass) {
  class_in_config_ = R"("MBart50Tokenizer")";
  EXPECT_EQ(river("mbart", Json::object()), (Ids{6, 7, 2}));
}

TEST_F(HfTokenizerTest, OthersHaveThatOfTheFile) {
  EXPECT_EQ(river("m2m_100", Json::object()), (Ids{0, 7, 2}));
  EXPECT_EQ(river("bart", {{"tokenizer_class", "BartTokenizer"}}), (Ids{0, 7, 2}));
}

TEST_F(HfTokenizerTest, CleansSpacesUpWhereTheSettingsAskForIt) {
  const auto decoded = [&](const Json& settings) {
    put("source.spm", text::read_subword_data("unigram.model"));
    put("target.spm", text::read_subword_data("unigram.model"));
    put("vocab.json", R"({"</s>": 0, "<unk>": 1, "<pad>": 2, "\u2581a": 3, "\u2581.": 4,
                          "\u2581": 5, "'": 6, "s": 7})");
    const Result<Model> model = loaded("marian", settings);
    EXPECT_TRUE(model.ok()) << model.status().message();
    const text::Tokenizer& target = **model->data().open_target_tokenizer();
    return *target.decode(Ids{3, 4, 3, 5, 6, 7, 0}, true);
  };
  EXPECT_EQ(decoded({{"clean_up_tokenization_spaces", true}}), "a. a's");
  EXPECT_EQ(decoded({{"clean_up_tokenization_spaces", false}}), "a . a 's");
  EXPECT_EQ(decoded(Json::object()), "a . a 's") << "and tokenizer.json is none of Marian's";
}

class MarianTokensTest : public HfTokenizerTest {
 protected:
  /// A Marian whose vocabulary ends at 7, with these files beside it.
  Result<Model> marian(const Json& settings) {
    put("source.spm", text::read_subword_data("unigram.model"));
    put("target.spm", text::read_subword_data("unigram.model"));
    put("vocab.json", R"({"</s>": 0, "<unk>": 1, "<pad>": 2, "\u2581a": 3, "\u2581.": 4,
                          "\u2581": 5, "'": 6, "s": 7})");
    return loaded("marian", settings);
  }

  Ids ids(const Model& model, std::string_view text) {
    Ids ids;
    const auto encoding = (*model.data().open_tokenizer())->encode(text, {});
    for (const text::Token& token : encoding->tokens) ids.push_back(token.id);
    return ids;
  }

  std::string decoded(const Model& model, const Ids& ids) {
    return *(*model.data().open_target_tokenizer())->decode(ids, true);
  }
};

// MarianTokenizer of Transformers 5.24 on the same vocabulary: SentencePiece encodes each stretch
// of text between added tokens separately.
TEST_F(MarianTokensTest, AddedTokensAreFoundInTextsAndKeptInWhatIsGenerated) {
  put("added_tokens.json", R"({"<num>": 8, "<b>": 9})");
  put("special_tokens_map.json", R"({"additional_special_tokens": ["<b>"]})");
  const auto model = marian(Json::object());
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(ids(*model, "a <num>a"), (Ids{3, 8, 3, 0}));
  EXPECT_EQ(ids(*model, "<b><num>"), (Ids{9, 8, 0}));
  EXPECT_EQ(decoded(*model, {3, 8, 3, 9, 0}), "a<num> a") << "<b> is special, <num> is not";
}

TEST_F(MarianTokensTest, TheDecoderOfTheSettingsSaysTheirIdsAndSpaces) {
  put("added_tokens.json", R"({"<num>": 700})");  // not read beside the other
  const auto model = marian({{"added_tokens_decoder",
                              {{"11", {{"content", "<num>"}, {"lstrip", true}, {"rstrip", true}}},
                               {"9", {{"content", "<c>"}, {"special", true}}}}}});
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(ids(*model, "a <num> <c>"), (Ids{3, 11, 9, 0}));
  EXPECT_EQ(decoded(*model, {9, 11, 3}), "<c><num> a") << "no setting names <c>, so it is shown";
}

TEST_F(HfTokenizerTest, ATokenizerJsonOfAMultilingualModelHasItsCompanions) {
  put("added_tokens.json", R"({"<num>": 8})");
  const auto model = loaded("mbart", {{"tokenizer_class", "MBart50Tokenizer"},
                                      {"extra_special_tokens", {{"image_token", "<image>"}}}});
  ASSERT_TRUE(model.ok()) << model.status().message();
  const text::Tokenizer& tokenizer = **model->data().open_tokenizer();
  const auto encoding = tokenizer.encode("river <num> <image>", {});
  Ids ids;
  for (const text::Token& token : encoding->tokens) ids.push_back(token.id);
  EXPECT_EQ(ids, (Ids{6, 7, 8, 9, 2}));
  EXPECT_EQ(*tokenizer.decode(ids, true), "river <num>");
}

TEST_F(HfTokenizerTest, ALanguageThatTheFileLacksIsNamed) {
  const auto model =
      loaded("m2m_100", {{"tokenizer_class", "NllbTokenizer"}, {"src_lang", "deu_Latn"}});
  EXPECT_EQ(model.status().code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(has(model.status().message(), "tokenizer.json", "deu_Latn"));
}

TEST_F(HfTokenizerTest, ATranslatorTakesOtherSourceLanguages) {
  const auto model = loaded("m2m_100", {{"tokenizer_class", "NllbTokenizer"}});
  ASSERT_TRUE(model.ok()) << model.status().message();
  auto translator = Translator::create(*model);
  ASSERT_TRUE(translator.ok()) << translator.status().message();
  auto generator = Generator::create(*model);
  ASSERT_TRUE(generator.ok()) << generator.status().message();
  const GenerationOptions options = model->info().generation;
  const std::string_view text = "river";
  const auto expect_source = [&](const Ids& source) {
    const auto expected = generator->generate(std::vector<Ids>{source}, options);
    const auto found = translator->translate({&text, 1}, options);
    ASSERT_TRUE(expected.ok() && found.ok());
    EXPECT_EQ(found->at(0).hypotheses[0].ids, expected->at(0).hypotheses[0].ids);
    EXPECT_EQ(found->at(0).hypotheses[0].score, expected->at(0).hypotheses[0].score);
  };
  expect_source({5, 7, 2});
  ASSERT_TRUE(translator->set_source_language("fra").ok());
  expect_source({4, 7, 2});
  const Status unknown = translator->set_source_language("xxx");
  EXPECT_EQ(unknown.code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(has(unknown.message(), "xxx", "fra_Latn"));
  expect_source({4, 7, 2});
  ASSERT_TRUE(translator->set_source_language("").ok());
  expect_source({5, 7, 2});
}

}  // namespace
}  // namespace lanewise::converters
