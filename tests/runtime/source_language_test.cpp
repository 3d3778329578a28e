#include "runtime/tasks/source_language.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/runtime/text_tiny_vocabulary.hpp"

namespace lanewise::tasks {
namespace {

using Ids = std::vector<int32_t>;
using Json = nlohmann::json;

/// Words and languages, with `around` ("$A" is the text) as the template.
std::shared_ptr<const text::Tokenizer> source_language_tokenizer(
    const std::vector<std::string>& around) {
  Json vocabulary = Json::object();
  for (const char* word : {"<unk>", "</s>", "en_XX", "fr_XX", "de_DE", "river"}) {
    vocabulary[word] = static_cast<int>(vocabulary.size());
  }
  Json added = Json::array();
  Json specials = Json::object();
  for (const char* token : {"</s>", "en_XX", "fr_XX", "de_DE"}) {
    const int id = vocabulary[token];
    added.push_back(text::tiny_added_token(token, id));
    specials[token] = {{"id", token}, {"ids", {id}}, {"tokens", {token}}};
  }
  Json single = Json::array();
  for (const std::string& name : around) {
    const bool is_text = name == "$A";
    single.push_back(
        {{is_text ? "Sequence" : "SpecialToken", {{"id", is_text ? "A" : name}, {"type_id", 0}}}});
  }
  Json pair = single;
  pair.push_back({{"Sequence", {{"id", "B"}, {"type_id", 0}}}});
  const Json json = {
      {"added_tokens", added},
      {"pre_tokenizer", {{"type", "WhitespaceSplit"}}},
      {"post_processor",
       {{"type", "TemplateProcessing"},
        {"single", single},
        {"pair", pair},
        {"special_tokens", specials}}},
      {"model", {{"type", "WordLevel"}, {"vocab", vocabulary}, {"unk_token", "<unk>"}}}};
  auto made = text::parse_tokenizer(json.dump());
  EXPECT_TRUE(made.ok()) << made.status().message();
  return made.ok() ? *made : nullptr;
}

Ids encoded(const text::Tokenizer& source_language_tokenizer, std::string_view text,
            std::string_view language) {
  const auto change = source_language(source_language_tokenizer, language);
  EXPECT_TRUE(change.ok()) << change.status().message();
  if (!change.ok()) return {};
  const auto encoding = encode_source(source_language_tokenizer, text, *change);
  EXPECT_TRUE(encoding.ok()) << encoding.status().message();
  return encoding.ok() ? text::ids_of(*encoding) : Ids{};
}

TEST(SourceLanguage, TakesThePlaceOfTheTokenizersOwn) {
  const auto first = source_language_tokenizer({"en_XX", "$A", "</s>"});
  ASSERT_TRUE(first);
  EXPECT_EQ(encoded(*first, "river", "fr"), (Ids{3, 5, 1}));
  EXPECT_EQ(encoded(*first, "river", "en_XX"), (Ids{2, 5, 1}));
  EXPECT_EQ(encoded(*first, "", "de"), (Ids{4, 1}));
  const auto last = source_language_tokenizer({"$A", "</s>", "en_XX"});
  ASSERT_TRUE(last);
  EXPECT_EQ(encoded(*last, "river", "de_DE"), (Ids{5, 1, 4}));
  const auto unchanged = encode_source(*last, "river", {});
  ASSERT_TRUE(unchanged.ok());
  EXPECT_EQ(text::ids_of(*unchanged), (Ids{5, 1, 2}));
}

TEST(SourceLanguage, LeavesTokensOfTheTextAlone) {
  const auto first = source_language_tokenizer({"en_XX", "$A", "</s>"});
  ASSERT_TRUE(first);
  EXPECT_EQ(encoded(*first, "en_XX river en_XX", "fr"), (Ids{3, 2, 5, 2, 1}));
}

TEST(SourceLanguage, SaysWhatTheModelLacks) {
  const auto message = [](const text::Tokenizer& source_language_tokenizer, const char* name) {
    const auto change = source_language(source_language_tokenizer, name);
    EXPECT_EQ(change.status().code(), StatusCode::kInvalidArgument);
    return change.ok() ? "found" : change.status().message();
  };
  const auto told = source_language_tokenizer({"en_XX", "$A", "</s>"});
  ASSERT_TRUE(told);
  EXPECT_EQ(message(*told, "xx"), "unknown language 'xx'; known: en_XX, fr_XX, de_DE");
  const auto untold = source_language_tokenizer({"$A", "</s>"});
  ASSERT_TRUE(untold);
  EXPECT_EQ(message(*untold, "fr"),
            "the model takes the language of its output, but not that of a source text");
  const auto plain = text::parse_tokenizer(text::tiny_json().dump());
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(message(**plain, "fr"), "unknown language 'fr': the model has no tokens for languages");
}

}  // namespace
}  // namespace lanewise::tasks
