#include "runtime/text/stop_filter.hpp"

#include <gtest/gtest.h>

#include <random>

#include "lanewise/generation.hpp"

namespace lanewise::text {
namespace {

using Stops = std::vector<std::string>;

TEST(StopFilterTest, TheOneThatEndsFirstCounts) {
  const auto before = [](std::string_view text, const Stops& stops) {
    return std::string(text_before_stop(text, stops));
  };
  EXPECT_EQ(before("abc", {}), "abc");
  EXPECT_EQ(before("abc", {"d"}), "abc");
  EXPECT_EQ(before("abcabc", {"c"}), "ab");
  EXPECT_EQ(before("abc", {"abc", "b"}), "a") << "b is complete one letter earlier";
  EXPECT_EQ(before("abc", {"bc", "abc"}), "") << "of those that end together the longest";
  EXPECT_EQ(before("", {"a"}), "");
  EXPECT_EQ(before("aaab", {"aab"}), "a");
}

/// The pieces that come out of a filter.
std::vector<std::string> filtered(const std::vector<std::string>& pieces, const Stops& stops) {
  StopFilter filter(stops);
  std::vector<std::string> out;
  for (size_t i = 0; i < pieces.size(); ++i) {
    const bool last = i + 1 == pieces.size();
    out.emplace_back(last ? filter.finish(pieces[i]) : filter.add(pieces[i]));
  }
  return out;
}

TEST(StopFilterTest, HoldsBackWhatMayBeginAStop) {
  using Pieces = std::vector<std::string>;
  EXPECT_EQ(filtered({"a", "a", "a", "b", "c"}, {"aab"}), (Pieces{"", "", "a", "", ""}));
  EXPECT_EQ(filtered({"a", "a", "a", "c", "a"}, {"aab"}), (Pieces{"", "", "a", "aac", "a"}));
  EXPECT_EQ(filtered({"x\n", "\n", "y"}, {"\n\n"}), (Pieces{"x", "", ""}));
  EXPECT_EQ(filtered({"the e", "n", "d."}, {"end"}), (Pieces{"the ", "", ""}));
  EXPECT_EQ(filtered({"caf\xC3\xA9", " \xC3\xA8", ""}, {"\xC3\xA9 \xC3\xA9"}),
            (Pieces{"caf", "\xC3\xA9 \xC3\xA8", ""}));
  EXPECT_EQ(filtered({"abcdef"}, {"cd"}), (Pieces{"ab"})) << "in the middle of the last piece";
  EXPECT_EQ(filtered({"abcdef", "gh", ""}, {"cd"}), (Pieces{"ab", "", ""}));
}

/// The pieces together are the text before the stop, at any time as much of it as is certain.
TEST(StopFilterTest, HowTheTextIsCutDoesNotMatter) {
  std::mt19937 random(5);
  const auto text_of = [&](size_t length) {
    std::string text;
    for (size_t i = 0; i < length; ++i) text += "ab"[random() % 2];
    return text;
  };
  for (int round = 0; round < 3000; ++round) {
    Stops stops;
    for (size_t i = random() % 4; i > 0; --i) stops.push_back(text_of(1 + random() % 6));
    const std::string text = text_of(30);
    const std::string expected(text_before_stop(text, stops));
    StopFilter filter(stops);
    std::string out;
    size_t at = 0;
    while (at < text.size()) {
      const size_t length = std::min(1 + random() % 4, text.size() - at);
      at += length;
      out += at < text.size() ? filter.add(text.substr(at - length, length))
                              : filter.finish(text.substr(at - length, length));
      ASSERT_TRUE(expected.starts_with(out)) << text;
      const bool stopped = expected.size() < text.size() && at > expected.size();
      const size_t open = open_stop(std::string_view(text).substr(0, at), stops);
      if (!stopped && at < text.size()) {
        ASSERT_EQ(out.size(), at - open) << text;
      }
    }
    ASSERT_EQ(out, expected) << text;
  }
}

}  // namespace
}  // namespace lanewise::text
