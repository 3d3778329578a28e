#include "runtime/text/offset_trimming.hpp"

#include <gtest/gtest.h>

#include <string>

namespace lanewise::text {
namespace {

/// "begin-end" of the token `name` at bytes [begin, end) of `text`, trimmed.
std::string trimmed(std::string_view text, std::string_view name, int32_t begin, int32_t end,
                    bool keeps_first = false, bool is_first = false) {
  Token token{0, begin, end};
  trim_offsets(text, name, keeps_first, is_first, &token);
  return std::to_string(token.begin) + "-" + std::to_string(token.end);
}

TEST(OffsetTrimming, TakesBlanksOffBothEnds) {
  EXPECT_EQ(trimmed("a  b ", "  b ", 1, 5), "3-4");
  EXPECT_EQ(trimmed("a b", "\u0120b", 1, 3), "2-3") << "a space at byte level";
  EXPECT_EQ(trimmed("a\u2003b", "\u2003b", 1, 5), "4-5") << "whole code points of the text";
  EXPECT_EQ(trimmed("ab", "ab", 0, 2), "0-2");
  EXPECT_EQ(trimmed("a ", " ", 1, 2), "2-2") << "nothing is left";
}

TEST(OffsetTrimming, KeepsABlankThatIsNoPartOfTheText) {
  EXPECT_EQ(trimmed("ab", "\u0120ab", 0, 2, true), "0-2");
  EXPECT_EQ(trimmed("xab", "\u0120ab", 1, 3, true, true), "1-3") << "the first token";
  EXPECT_EQ(trimmed("x ab", "\u0120ab", 1, 4, true), "2-4");
  EXPECT_EQ(trimmed("  ab", "\u0120\u0120ab", 0, 4, true), "2-4") << "only a single one";
}

}  // namespace
}  // namespace lanewise::text
