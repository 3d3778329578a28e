#include "runtime/text/utf8.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <iterator>
#include <string>

#include "runtime/text/code_points.hpp"

namespace lanewise::text {
namespace {

bool is_scalar(char32_t c) { return c < 0xD800 || (c >= 0xE000 && c < 0x110000); }

TEST(TextUtf8Test, EveryCodePointGoesThereAndBack) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (!is_scalar(c)) continue;
    std::string text = "x";
    const int length = append_utf8(c, &text);
    ASSERT_EQ(valid_utf8_prefix(text), text.size()) << std::hex << static_cast<uint32_t>(c);
    ASSERT_EQ(decode_at(text, 1).value, c);
    ASSERT_EQ(decode_at(text, 1).length, length);
    ASSERT_EQ(previous_code_point(text, text.size()), 1u);
  }
}

TEST(TextUtf8Test, NamesTheFirstBadByte) {
  const std::pair<std::string, size_t> cases[] = {
      {"abc\x80", 3},          {"\xC0\xAF", 0},         {"a\xE0\x9F\xBF", 1}, {"\xED\xA0\x80", 0},
      {"\xF4\x90\x80\x80", 0}, {"\xF0\x8F\xBF\xBF", 0}, {"ab\xE4\xB8", 2},    {"\xF5", 0},
      {"12345678\xFF", 8},     {"\xE4\xB8\xAD\xC3", 3}, {"1234567\xC3(", 7},
  };
  for (const auto& [text, position] : cases) {
    EXPECT_EQ(valid_utf8_prefix(text), position) << testing::PrintToString(text);
    const Status status = check_utf8(text);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_NE(status.message().find("byte " + std::to_string(position)), std::string::npos);
  }
  EXPECT_TRUE(check_utf8("").ok());
}

TEST(TextUtf8Test, CountsAndCutsAtCodePoints) {
  const std::string text = "a\xC3\xA4\xE4\xB8\xAD\xF0\x9F\x98\x80z";
  EXPECT_EQ(count_code_points(text), 5);
  EXPECT_EQ(count_code_points(""), 0);
  constexpr size_t kEnds[] = {0, 1, 3, 6, 10, 11};
  for (size_t count = 0; count < std::size(kEnds); ++count) {
    EXPECT_EQ(first_code_points(text, static_cast<int64_t>(count)), text.substr(0, kEnds[count]));
  }
  EXPECT_EQ(first_code_points(text, INT64_MAX), text);
  EXPECT_EQ(first_code_points("\x80\x80\xFF", 1), "\x80\x80\xFF");
}

TEST(TextCodePointsTest, EveryCodePointHasBoundedForms) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (!is_scalar(c)) continue;
    char32_t parts[kMaxDecomposition];
    const int count = decompose(c, parts);
    ASSERT_GE(count, 1);
    for (int i = 0; i < count; ++i) ASSERT_TRUE(is_scalar(parts[i]));
    char32_t lowered[2];
    ASSERT_EQ(lowercase(c, lowered), c == 0x130 ? 2 : 1);
    ASSERT_TRUE(is_scalar(lowered[0]));
  }
}

TEST(TextCodePointsTest, ClassesAreThoseOfUnicode8) {
  EXPECT_EQ(code_point_class(0x0301), kNonspacing | kReordered | kMark);
  EXPECT_EQ(code_point_class(0x08D4), kReordered | kMark) << "a mark of Unicode 9";
  EXPECT_EQ(code_point_class(0x1ACE), 0) << "a mark of Unicode 14";
  EXPECT_EQ(code_point_class(0x2E43), 0) << "punctuation of Unicode 9";
  EXPECT_EQ(code_point_class('$'), kPunctuation);
  EXPECT_EQ(code_point_class('7'), kNumeric);
  EXPECT_EQ(code_point_class(0x3000), kSpace);
  EXPECT_EQ(code_point_class(0xE000), kRemoved);
  EXPECT_EQ(code_point_class(0x0378), 0) << "unassigned";
  EXPECT_EQ(code_point_class(0x10FFFF), 0) << "a noncharacter";
}

}  // namespace
}  // namespace lanewise::text
