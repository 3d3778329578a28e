#include "runtime/tasks/language_token.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "runtime/text/tokenizer.hpp"

namespace lanewise::tasks {
namespace {

/// A tokenizer of these tokens; all but the first are special.
std::shared_ptr<const text::Tokenizer> language_token_tokenizer(
    const std::vector<std::string>& tokens) {
  nlohmann::json file = {{"model", {{"type", "WordLevel"}}}};
  int id = 0;
  for (const std::string& content : tokens) {
    file["model"]["vocab"][content] = id;
    if (id > 0) {
      file["added_tokens"].push_back({{"content", content}, {"id", id}, {"special", true}});
    }
    ++id;
  }
  auto made = text::parse_tokenizer(file.dump());
  EXPECT_TRUE(made.ok()) << made.status().message();
  return *made;
}

TEST(LanguageToken, TakesTheNameItself) {
  const auto nllb =
      language_token_tokenizer({"de_word", "<pad>", "fra_Latn", "ace_Arab", "ace_Latn"});
  EXPECT_EQ(*language_token(*nllb, "ace_Latn"), 4);
  EXPECT_EQ(*language_token(*nllb, "fra"), 2);
}

TEST(LanguageToken, TakesTheNameBetweenUnderscores) {
  const auto m2m = language_token_tokenizer({"fr", "<pad>", "__fr__", "__de__"});
  EXPECT_EQ(*language_token(*m2m, "fr"), 2);  // `fr` itself is a word
  EXPECT_EQ(*language_token(*m2m, "__de__"), 3);
}

TEST(LanguageToken, TakesTheOnlyOneThatBeginsWithTheName) {
  const auto mbart = language_token_tokenizer({"fr_word", "fr_XX", "de_DE"});
  EXPECT_EQ(*language_token(*mbart, "fr"), 1);
  EXPECT_EQ(*language_token(*mbart, "de"), 2);
}

TEST(LanguageToken, NamesTheKnownOnes) {
  const auto nllb =
      language_token_tokenizer({"de_word", "<pad>", "a_A", "b_B", "b_C", "d_D", "e_E", "f_F"});
  const auto message = [&](const char* name) {
    const Result<int32_t> id = language_token(*nllb, name);
    return id.ok() ? "found" : id.status().message();
  };
  EXPECT_EQ(message("xx"), "unknown language 'xx'; known: a_A, b_B, b_C, d_D, e_E, ...");
  EXPECT_EQ(message("b"), "language 'b' could be b_B, b_C");
  EXPECT_EQ(message("de_word"), "unknown language 'de_word'; known: a_A, b_B, b_C, d_D, e_E, ...");
  EXPECT_EQ(message(""), "unknown language ''; known: a_A, b_B, b_C, d_D, e_E, ...");
  EXPECT_EQ(message("<pad>"), "unknown language '<pad>'; known: a_A, b_B, b_C, d_D, e_E, ...");
}

TEST(LanguageToken, OtherSpecialTokensAreNoLanguages) {
  // The code at the start of Marian's sources is not something that it generates.
  const auto plain = language_token_tokenizer({"word", "<pad>", "</s>", ">>fra<<"});
  for (const std::string name : {"de", "</s>", "<pad>", ">>fra<<", ""}) {
    EXPECT_EQ(language_token(*plain, name).status().message(),
              "unknown language '" + name + "': the model has no tokens for languages");
  }
}

}  // namespace
}  // namespace lanewise::tasks
