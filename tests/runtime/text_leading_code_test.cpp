#include "runtime/text/leading_code.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/runtime/text_tiny_vocabulary.hpp"

namespace lanewise::text {
namespace {

using Ids = std::vector<int32_t>;
using Json = nlohmann::json;

TEST(LeadingCode, StandsAtTheStartAndIsClosed) {
  const LeadingCode code{">>", "<<", "<unk>"};
  EXPECT_EQ(code.length(">>fra<< a"), 7u);
  EXPECT_EQ(code.length(">><<"), 4u);
  EXPECT_EQ(code.length(">>a b<<c<<"), 7u);
  EXPECT_EQ(code.length(" >>fra<<"), 0u);
  EXPECT_EQ(code.length(">>fra"), 0u);
  EXPECT_EQ(code.length(""), 0u);
  EXPECT_EQ(LeadingCode().length(">>fra<<"), 0u);
}

/// Single letters, with codes.
Json letters() {
  return {{"leading_code", {{"open", ">>"}, {"close", "<<"}, {"unk_token", "?"}}},
          {"added_tokens", {tiny_added_token("|", 5)}},
          {"model",
           {{"type", "BPE"},
            {"vocab", {{"a", 0}, {"?", 1}, {">>fra<<", 2}, {">", 3}, {"<", 4}, {"|", 5}}},
            {"merges", Json::array()},
            {"unk_token", "?"}}}};
}

TEST(LeadingCode, IsATokenOfTheVocabularyOrUnknown) {
  const auto tokenizer = parse_tokenizer(letters().dump());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  const auto copy = parse_tokenizer((*tokenizer)->to_json());
  ASSERT_TRUE(copy.ok()) << copy.status().message();
  for (const auto& one : {*tokenizer, *copy}) {
    const auto encode = [&](std::string_view text) { return ids_of(*one->encode(text, {})); };
    EXPECT_EQ(encode(">>fra<<a"), (Ids{2, 0}));
    EXPECT_EQ(encode(">>fra<<"), (Ids{2}));
    EXPECT_EQ(encode(">>aa<<a"), (Ids{1, 0})) << "unknown";
    EXPECT_EQ(encode("a>>a<<"), (Ids{0, 3, 3, 0, 4, 4})) << "text";
    EXPECT_EQ(encode("a|>>fra<<"), (Ids{0, 5, 2})) << "behind a token";
    EXPECT_EQ(offsets_of(*one->encode(">>fra<<a", {})), (std::vector<std::string>{"0-7", "7-8"}));
    const auto cut = one->encode(">>fra<<a", {.max_length = 1});
    EXPECT_EQ(ids_of(*cut), (Ids{2}));
    EXPECT_TRUE(cut->truncated);
    EXPECT_EQ(*one->decode(Ids{2, 0}, true), ">>fra<< a") << "an ordinary token";
  }
}

TEST(LeadingCode, NeedsItsMarksAndAnUnknownToken) {
  Json json = letters();
  json["leading_code"]["unk_token"] = "<unk>";
  EXPECT_EQ(parse_tokenizer(json.dump()).status().code(), StatusCode::kDataLoss);
  json = letters();
  json["leading_code"]["close"] = "";
  EXPECT_EQ(parse_tokenizer(json.dump()).status().code(), StatusCode::kDataLoss);
  json["leading_code"].erase("close");
  EXPECT_EQ(parse_tokenizer(json.dump()).status().code(), StatusCode::kDataLoss);
}

}  // namespace
}  // namespace lanewise::text
