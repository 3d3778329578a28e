// Pairs of texts in windows, and the roles of tokens.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/runtime/text_tiny_vocabulary.hpp"

namespace lanewise::text {
namespace {

std::shared_ptr<const Tokenizer> text_windows_parse(const nlohmann::json& json) {
  auto tokenizer = parse_tokenizer(json.dump());
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  return *tokenizer;
}

/// One letter per token: Special, Begins a word, Within a word.
std::string roles(const std::vector<Token>& tokens) {
  std::string letters;
  for (const Token& token : tokens) {
    letters += token.role == TokenRole::kSpecial      ? 'S'
               : token.role == TokenRole::kBeginsWord ? 'B'
                                                      : 'W';
  }
  return letters;
}

class TextWindowsTest : public testing::Test {
 protected:
  std::vector<PairWindow> windows(std::string_view first, std::string_view second, int64_t length,
                                  int64_t overlap) {
    auto windows = tokenizer_->encode_windows(first, second, {length, overlap});
    EXPECT_TRUE(windows.ok()) << windows.status().message();
    return *windows;
  }
  /// The second text's tokens of a window, by their offsets.
  static std::string second(const PairWindow& window) {
    std::string text;
    for (size_t i = window.second_begin; i < window.second_end; ++i) {
      text += std::to_string(window.tokens[i].begin) + " ";
    }
    return text;
  }

  std::shared_ptr<const Tokenizer> tokenizer_ = text_windows_parse(tiny_json());
};

TEST_F(TextWindowsTest, TokensKnowTheirWords) {
  EXPECT_EQ(roles(tokenizer_->encode("Unaffable, hello!", {})->tokens), "SBWWBBBS");
  EXPECT_EQ(roles(tokenizer_->encode("unknownword ab [MASK]cafes", {})->tokens), "SBBWBBWS");
}

TEST_F(TextWindowsTest, OtherModelsKnowThemToo) {
  nlohmann::json json = tiny_json();
  json["pre_tokenizer"] = {{"type", "Whitespace"}};
  json["normalizer"] = nullptr;
  tokenizer_ = text_windows_parse(json);
  EXPECT_EQ(roles(tokenizer_->encode("unaffable, hello ab", {})->tokens), "SBWWBBBWS");
}

TEST_F(TextWindowsTest, WhatFitsIsOneWindow) {
  const std::vector<PairWindow> all = windows("hello", "a i ab", 8, 2);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(roles(all[0].tokens), "SBSBBBWS");
  EXPECT_EQ(all[0].type_ids, (std::vector<int32_t>{0, 0, 0, 1, 1, 1, 1, 1}));
  EXPECT_EQ(all[0].second_begin, 3U);
  EXPECT_EQ(all[0].second_end, 7U);
}

TEST_F(TextWindowsTest, WindowsOverlap) {
  const std::vector<PairWindow> all = windows("hello", "a i a i a i a", 8, 2);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(second(all[0]), "0 2 4 6 ");
  EXPECT_EQ(second(all[1]), "4 6 8 10 ");
  EXPECT_EQ(second(all[2]), "8 10 12 ");
  for (const PairWindow& window : all) EXPECT_LE(window.tokens.size(), 8U);
}

TEST_F(TextWindowsTest, TheFirstTextMustLeaveRoom) {
  EXPECT_EQ(windows("hello world hello", "a", 7, 3).size(), 1U);
  const auto none = tokenizer_->encode_windows("hello world", "a i a i a", {8, 3});
  EXPECT_EQ(none.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(none.status().message().find("2 tokens leave room for 3"), std::string::npos)
      << none.status().message();
  EXPECT_FALSE(tokenizer_->encode_windows("hello", "a", {2, 0}).ok());
  EXPECT_FALSE(tokenizer_->encode_windows("\xFF", "a", {8, 2}).ok());
}

TEST_F(TextWindowsTest, LeftTruncationIsRefused) {
  nlohmann::json json = tiny_json();
  json["truncation"] = {{"direction", "Left"}};
  EXPECT_EQ(text_windows_parse(json)->encode_windows("hello", "a", {8, 2}).status().code(),
            StatusCode::kUnsupported);
}

}  // namespace
}  // namespace lanewise::text
