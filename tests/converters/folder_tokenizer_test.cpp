// The tokenizer files of a folder, and their companions.

#include "converters/tokenizers/folder_tokenizer.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/json_fields.hpp"
#include "converters/tokenizers/added_vocabulary.hpp"
#include "runtime/text/tokenizer.hpp"
#include "tests/runtime/file_temporary_folder.hpp"
#include "tests/runtime/text_tiny_vocabulary.hpp"
#include "tests/test_data.hpp"

namespace lanewise::converters {
namespace {

using text::ids_of;
using text::tiny_json;
using text::tiny_vocabulary;
using text::TinyId;
using Ids = std::vector<int32_t>;
using Json = nlohmann::json;
using FolderTokenizerTokenizerPtr = std::shared_ptr<const text::Tokenizer>;

std::string tiny_lines() {
  std::string lines;
  for (const std::string& token : tiny_vocabulary()) lines += token + "\n";
  return lines;
}

void expect_failure(const Status& status, StatusCode code, const std::string& part) {
  EXPECT_EQ(status.code(), code) << status.message();
  EXPECT_NE(status.message().find(part), std::string::npos) << status.message();
}

class FolderTokenizerTest : public file::TemporaryFolderTest {
 protected:
  Result<FolderTokenizerTokenizerPtr> load() const {
    SourceFolder folder(folder_.string());
    const auto config = Config::parse(config_, "config.json");
    const auto json = folder_tokenizer_text(folder, "", *config);
    if (!json.ok()) return json.status();
    return text::parse_tokenizer(*json);
  }

  Ids ids(const std::string& text) const {
    const auto tokenizer = load();
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
    if (!tokenizer.ok()) return {};
    const auto encoding = (*tokenizer)->encode(text, {});
    EXPECT_TRUE(encoding.ok()) << encoding.status().message();
    return encoding.ok() ? ids_of(*encoding) : Ids{};
  }

  bool folder_is_without_tokenizer() const {
    SourceFolder folder(folder_.string());
    const auto json = folder_tokenizer_text(folder, "", *Config::parse(config_, "config.json"));
    return json.ok() && json->empty();
  }

  std::string config_ = "{}";
};

TEST_F(FolderTokenizerTest, NoFilesAreNoTokenizer) { EXPECT_TRUE(folder_is_without_tokenizer()); }

TEST_F(FolderTokenizerTest, VocabularyFileGivesTheTokenizerOfTheJsonFile) {
  put("tokenizer.json", tiny_json().dump());
  const auto json = load();
  ASSERT_TRUE(json.ok()) << json.status().message();
  std::filesystem::remove(path("tokenizer.json"));
  put("vocab.txt", tiny_lines());
  const auto lines = load();
  ASSERT_TRUE(lines.ok()) << lines.status().message();
  for (const char* text : {"Unaffable[MASK], Hello", "中文 CAFÉ [PAD] \xED\x95\x9C", ""}) {
    EXPECT_EQ(ids_of(*(*json)->encode(text, {})), ids_of(*(*lines)->encode(text, {})));
  }
  EXPECT_EQ((*lines)->vocabulary_size(), text::kTinySize);
}

TEST_F(FolderTokenizerTest, VocabularyFileWithSettings) {
  put("vocab.txt", tiny_lines());
  put("tokenizer_config.json", R"({"do_lower_case": false, "strip_accents": null,
      "tokenize_chinese_chars": false, "cls_token": {"content": "hello"}, "tokenizer_class":
      "BertTokenizerFast", "added_tokens_decoder": {"50": {"content": "<x>"}}})");
  EXPECT_EQ(ids("Hello 中文<x>"),
            (Ids{text::kHello, text::kUnk, text::kUnk, text::kTinySize, text::kSep}))
      << "the added token has the next id, whatever its key";
}

TEST_F(FolderTokenizerTest, MpnetHasItsOwnTokensAroundBertsPieces) {
  config_ = R"({"model_type": "mpnet"})";
  put("vocab.txt", "<s>\n<pad>\n</s>\n[UNK]\nthe\nriver\n##s\n<mask>\n");
  EXPECT_EQ(ids("The rivers <mask> x"), (Ids{0, 4, 5, 6, 7, 3, 2}));
  const auto tokenizer = load();
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  std::vector<int32_t> types;
  const auto pair = (*tokenizer)->encode_pair("the", "river", {}, &types);
  ASSERT_TRUE(pair.ok()) << pair.status().message();
  EXPECT_EQ(ids_of(*pair), (Ids{0, 4, 2, 2, 5, 2}));
  put("tokenizer_config.json", R"({"do_lower_case": false})");
  EXPECT_EQ(ids("The"), (Ids{0, 3, 2}));
  put("vocab.txt", "<s>\n[UNK]\n");
  expect_failure(load().status(), StatusCode::kDataLoss, "vocab.txt has no sep_token '</s>'");
}

TEST_F(FolderTokenizerTest, VocabularyFileWithOddLines) {
  put("vocab.txt", "[UNK]\r\n[CLS]\r\n[SEP]\r\na\r\n\r\na");
  EXPECT_EQ(ids("a"), (Ids{1, 5, 2})) << "the last line counts";
  EXPECT_EQ((*load())->token(3), "");
}

TEST_F(FolderTokenizerTest, BadFilesAreNamed) {
  put("vocab.txt", "[UNK]");
  expect_failure(load().status(), StatusCode::kDataLoss, "[CLS]");
  put("vocab.txt", "[CLS]\n[SEP]\n");
  expect_failure(load().status(), StatusCode::kDataLoss, "[UNK]");
  put("vocab.txt", "[UNK]\n\xFF\n");
  expect_failure(load().status(), StatusCode::kDataLoss, "byte 6");
  put("vocab.txt", tiny_lines());
  struct Case {
    const char* settings;
    StatusCode code;
    const char* part;
  };
  const Case cases[] = {
      {"{", StatusCode::kDataLoss, "tokenizer_config"},
      {"[]", StatusCode::kDataLoss, "tokenizer_config"},
      {R"({"do_lower_case": 1})", StatusCode::kInvalidArgument, "do_lower_case"},
      {R"({"truncation_side": "up"})", StatusCode::kInvalidArgument, "truncation_side"},
      {R"({"added_tokens_decoder": {"x": {"content": "y"}}})", StatusCode::kDataLoss,
       "'added_tokens_decoder': 'x'"},
      {R"({"added_tokens_decoder": {"-1": {"content": "y"}}})", StatusCode::kDataLoss,
       "'added_tokens_decoder': '-1'"},
      {R"({"added_tokens_decoder": {"1": "y"}})", StatusCode::kDataLoss,
       "'added_tokens_decoder': '1'"},
      {R"({"added_tokens_decoder": []})", StatusCode::kDataLoss, "added_tokens_decoder"},
      {R"({"unk_token": 7})", StatusCode::kDataLoss, "unk_token"},
      {R"({"extra_special_tokens": "<a>"})", StatusCode::kDataLoss, "extra_special_tokens"},
      {R"({"additional_special_tokens": [1]})", StatusCode::kDataLoss,
       "additional_special_tokens[0]"}};
  for (const Case& one : cases) {
    put("tokenizer_config.json", one.settings);
    expect_failure(load().status(), one.code, one.part);
  }
  std::filesystem::remove(path("tokenizer_config.json"));
  put("added_tokens.json", R"({"<a>": "1"})");
  expect_failure(load().status(), StatusCode::kDataLoss, "added_tokens.json");
}

TEST_F(FolderTokenizerTest, TheLargestIdHasNoNextOne) {
  const auto document = base::parse_json(
      R"({"model": {"vocab": {"a": 4294967299, "b": 1}},
          "added_tokens": [{"id": 2147483647, "content": "y"}]})",
      1000);
  ASSERT_TRUE(document.ok());
  const auto fields = base::JsonFields::of(document->root(), "");
  ASSERT_TRUE(fields.ok());
  auto vocabulary = AddedVocabulary::of(*fields, /*renumber=*/false);
  ASSERT_TRUE(vocabulary.ok()) << vocabulary.status().message();
  EXPECT_FALSE(vocabulary->knows("a"));  // not as token 3
  EXPECT_TRUE(vocabulary->knows("b"));
  text::AddedToken token;
  token.content = "z";
  vocabulary->add(std::move(token));
  EXPECT_EQ(vocabulary->find("z")->id, 2147483647);
}

TEST_F(FolderTokenizerTest, VocabularyAndMergesAreATokenizer) {
  put("vocab.json", R"({"<s>": 0, "</s>": 1, "a": 2, "b": 3, "ab": 4, "<mask>": 5})");
  put("merges.txt", "#version: 0.2\na b\n");
  EXPECT_EQ(ids("abb <mask>"), (Ids{0, 4, 3, 5, 1}));
  put("tokenizer_config.json", R"({"tokenizer_class": "GPT2Tokenizer"})");
  EXPECT_EQ(ids("ab"), (Ids{4}));
  put("tokenizer_config.json", R"({"tokenizer_class": "OtherTokenizer"})");
  EXPECT_EQ(load().status().code(), StatusCode::kUnsupported);
  put("tokenizer_config.json", "{}");
  put("vocab.json", R"({"a": 0, "b": 1, "#version": 2, "#versionb": 3})");
  put("merges.txt", "#version: 0.2\n#version b\n");
  const auto hash = load();
  ASSERT_TRUE(hash.ok()) << hash.status().message();
  EXPECT_EQ((*hash)->id("#versionb"), 3) << "a later line is a merge";
  EXPECT_NE((*hash)->to_json().find(R"(["#version","b"])"), std::string::npos);
  put("merges.txt", "a b c\n");
  EXPECT_EQ(load().status().code(), StatusCode::kDataLoss);
}

TEST_F(FolderTokenizerTest, ReadsWhatPythonAndEditorsWrite) {
  const std::string mark = "\xEF\xBB\xBF";
  put("vocab.json", mark + R"({"<s>": 0, "</s>": 1, "a": 2, "b": 3, "ab": 4})");
  put("merges.txt", "#version: 0.2\na b\n");
  put("tokenizer_config.json", mark + R"({"model_max_length": Infinity, "other": NaN})");
  put("special_tokens_map.json", mark + "{}");
  put("added_tokens.json", mark + R"({"<x>": 5})");
  EXPECT_EQ(ids("ab<x>"), (Ids{0, 4, 5, 1}));
}

/// Folders of tests/reference/make_companions_golden.py.
TEST_F(FolderTokenizerTest, WhatStandsBesideATokenizerCountsAsInTransformers) {
  std::ifstream in(test_data_folder() + "/tokenizer/companions.json");
  const Json cases = Json::parse(in);
  ASSERT_GE(cases.size(), 29u);
  for (const Json& one : cases) {
    for (const auto& file : std::filesystem::directory_iterator(folder_)) {
      std::filesystem::remove(file.path());
    }
    for (const auto& [name, contents] : one["files"].items()) put(name, contents);
    config_ = one["files"]["config.json"];
    for (size_t i = 0; i < one["texts"].size(); ++i) {
      EXPECT_EQ(ids(one["texts"][i]), one["ids"][i].get<Ids>())
          << one["name"] << ": " << one["texts"][i];
    }
  }
}

TEST_F(FolderTokenizerTest, ClassesThatSplitTextThemselvesAreRefusedByName) {
  for (const char* name : {"BertJapaneseTokenizer", "TapasTokenizer", "RoFormerTokenizerFast",
                           "ProphetNetTokenizer", "PhobertTokenizer"}) {
    for (const bool in_config : {true, false}) {
      const std::string settings = Json{{"tokenizer_class", name}}.dump();
      config_ = in_config ? settings : "{}";
      put("tokenizer_config.json", in_config ? "{}" : settings);
      const std::string known = std::string(name).substr(0, std::string(name).find("Tokenizer"));
      put("vocab.txt", tiny_lines());
      expect_failure(load().status(), StatusCode::kUnsupported, known);
      put("tokenizer.json", tiny_json().dump());
      expect_failure(load().status(), StatusCode::kUnsupported, known);
      std::filesystem::remove(path("tokenizer.json"));
    }
  }
  put("tokenizer_config.json", R"({"tokenizer_class": "BertJapaneseTokenizer"})");
  expect_failure(load().status(), StatusCode::kUnsupported, "MeCab");
  std::filesystem::remove(path("vocab.txt"));
  EXPECT_TRUE(folder_is_without_tokenizer()) << "a model that takes ids needs no class";
}

TEST_F(FolderTokenizerTest, AClassThatTheFilesAreNoneOfIsNamed) {
  put("vocab.txt", tiny_lines());
  put("tokenizer_config.json", R"({"tokenizer_class": "XLNetTokenizer"})");
  expect_failure(load().status(), StatusCode::kUnsupported, "XLNetTokenizer");
  std::filesystem::remove(path("vocab.txt"));
  put("vocab.json", R"({"a": 0})");
  put("merges.txt", "#version: 0.2\n");
  config_ = R"({"model_type": "bert"})";
  put("tokenizer_config.json", "{}");
  expect_failure(load().status(), StatusCode::kUnsupported, "BertTokenizer");
}

TEST_F(FolderTokenizerTest, AFolderNamesTheFilesThatWereRead) {
  put("vocab.txt", tiny_lines());
  put("special_tokens_map.json", "{}");
  put("added_tokens.json", "{}");
  put("tokenizer_config.json", "{}");
  const auto used = [&] {
    SourceFolder folder(folder_.string());
    EXPECT_TRUE(folder_tokenizer_text(folder, "", *Config::parse("{}", "")).ok());
    std::vector<std::string> names;
    for (const std::string& file : folder.used_files()) {
      names.push_back(std::filesystem::path(file).filename());
    }
    return names;
  };
  EXPECT_EQ(used(), (std::vector<std::string>{"tokenizer_config.json", "special_tokens_map.json",
                                              "added_tokens.json", "vocab.txt"}));
  put("tokenizer_config.json", R"({"added_tokens_decoder": {}})");
  EXPECT_EQ(used(), (std::vector<std::string>{"tokenizer_config.json", "vocab.txt"}));
}

}  // namespace
}  // namespace lanewise::converters
