// Regular expressions as grammars: against PCRE2, and which are refused.

#include <gtest/gtest.h>

#include "runtime/text/regex.hpp"
#include "tests/runtime/grammar_walk.hpp"

namespace lanewise::test {
namespace {

/// Whether PCRE2 matches the whole of `text`, which is not empty.
bool matches(const std::string& pattern, const std::string& text) {
  const auto regex = text::Regex::compile("\\A(?:" + pattern + ")\\z");
  EXPECT_TRUE(regex.ok()) << pattern << ": " << regex.status().message();
  std::vector<text::Match> found;
  EXPECT_TRUE(regex->find_all(text, &found).ok());
  return found.size() == 1 && found[0].matched;
}

const char* const kPatterns[] = {
    "abc",
    "a|bc|def",
    "(a|b)*c",
    "a{2,4}b{3}c{1,}",
    "[a-f0-9]{8}-[a-f0-9]{4}",
    "[^a-z]+x",
    "\\d{1,3}(?:\\.\\d{1,3}){3}",
    "(?:yes|no|maybe)(?:, (?:yes|no|maybe))*",
    "\\w+@\\w+\\.(com|org)",
    "\\s*\\S+\\s?",
    "[\\d\\-x]{3}",
    "caf\xC3\xA9|\xE4\xB8\xAD\xE6\x96\x87?",
    "[\xC3\xA0-\xC3\xBF\xE4\xB8\x80-\xE9\xBE\xBF]{1,5}",
    "[\xF0\x9F\x98\x80-\xF0\x9F\x99\x8F]+!",
    "x.y",
    "((a?b?)?c?){2}",
    "(ab??c)+?",
    "\\x41\\u00e9?",
    "[\\]x]+",
    "a{,3}",
};

class GrammarRegexTest : public ::testing::TestWithParam<const char*> {};

TEST_P(GrammarRegexTest, RandomTextsMatch) {
  const Tokens& tokens = Tokens::of(GetParam());
  for (const std::string pattern : kPatterns) {
    const Constraint constraint = constraint_of(Grammar::from_regex(pattern), tokens);
    Random random(pattern.size());
    int ended = 0;
    for (int i = 0; i < 25; ++i) {
      const auto ids = random_walk(constraint, random, 60);
      if (!ids || ids->empty()) continue;
      ++ended;
      const std::string text = tokens.decoded(*ids);
      // JavaScript's and Python's escapes, and a count that PCRE2 knows only since 10.43.
      if (pattern.find("\\u") != pattern.npos || pattern == "a{,3}") continue;
      EXPECT_TRUE(matches(pattern, text)) << pattern << " '" << text << "'";
    }
    EXPECT_GT(ended, 0) << pattern;
  }
}

// Small, but with every byte.
INSTANTIATE_TEST_SUITE_P(Vocabularies, GrammarRegexTest, ::testing::Values("roberta", "llama"));

TEST(GrammarRegex, AcceptsWhatMatchesOnly) {
  const Tokens& tokens = Tokens::of("roberta");
  const struct {
    const char* pattern;
    std::vector<std::string> good;
    std::vector<std::string> bad;
  } cases[] = {
      {"(a|b)*c", {"c", "abbac"}, {"ab", "cc", "abd"}},
      {"^ab$", {"ab"}, {"a", "abc", "^ab"}},
      {"^a|b$", {"a", "b"}, {"ab"}},
      {"a{2,4}", {"aa", "aaaa"}, {"a", "aaaaa"}},
      {"a{0}b", {"b"}, {"ab"}},
      {"a{,3}", {"a{,3}"}, {"aa"}},
      {"{x}", {"{x}"}, {"x"}},
      {"[]x]+", {"]x"}, {"[x"}},
      {"\\d", {"0", "9"}, {"a", "\xD9\xA3"}},
      {".", {"a", "\xC3\xA9", "\r"}, {"\n", "ab"}},
      {"[^a]", {"b", "\n", "\xF0\x9F\x98\x80"}, {"a"}},
      {"\\$\\^\\.", {"$^."}, {"a"}},
      {"", {}, {"a"}},
      {"(?P<year>[0-9]{4})-(?<day>\\d)", {"2024-1"}, {"2024-", "20245-1"}},
  };
  for (const auto& c : cases) {
    const Constraint constraint = constraint_of(Grammar::from_regex(c.pattern), tokens);
    for (const std::string& text : c.good) {
      EXPECT_TRUE(accepts(constraint, tokens, text)) << c.pattern << " '" << text << "'";
    }
    for (const std::string& text : c.bad) {
      EXPECT_FALSE(accepts(constraint, tokens, text)) << c.pattern << " '" << text << "'";
    }
  }
}

TEST(GrammarRegex, MessagesNameTheByte) {
  const std::pair<const char*, const char*> cases[] = {
      {"a(b", "'(' is not closed at byte 2"},
      {"ab)", "')' without '(' at byte 3"},
      {"*a", "'*' has nothing to repeat at byte 1"},
      {"a[bc", "'[' is not closed at byte 2"},
      {"[z-a]", "a range is reversed at byte 2"},
      {"a{3,2}", "the counts are reversed at byte 2"},
      {"a{999999}", "a count above 100000 at byte 2"},
      {"a**", "a repetition of a repetition at byte 3"},
      {"(a)\\1", "'\\1' (a back reference) is not supported at byte 4"},
      {"(?=a)b", "'(?=' (look-around) is not supported at byte 1"},
      {"(?<!a)b", "'(?<!' (look-around) is not supported at byte 1"},
      {"a\\bc", "'\\b' is not supported at byte 2"},
      {"\\p{L}", "'\\p' is not supported at byte 1"},
      {"a^b", "'^' that is not at an end of the whole pattern is not supported at byte 2"},
      {"(a$)", "'$' that is not at an end of the whole pattern is not supported at byte 3"},
      {"a*+", "a possessive repetition is not supported at byte 2"},
      {"[[:alpha:]]", "a POSIX class such as [:alpha:] is not supported at byte 2"},
      {"(?i)a", "a group that begins with '(?i' is not supported at byte 1"},
      {"[]", "'[' is not closed at byte 1"},
      {"a\\", "'\\' at the end at byte 2"},
      {"\\x4", "a hexadecimal escape is too short at byte 1"},
      {"[^\\d\\D]", "regular expression: no text matches"},
      {"a{1000}{1000}{1000}", "a repetition of a repetition at byte 8"},
      {"((a{1000}){1000}){1000}", "the grammar is too large"},
  };
  for (const auto& [pattern, message] : cases) {
    const auto grammar = Grammar::from_regex(pattern);
    ASSERT_FALSE(grammar.ok()) << pattern;
    EXPECT_NE(grammar.status().message().find(message), std::string::npos)
        << pattern << ": " << grammar.status().message();
  }
}

}  // namespace
}  // namespace lanewise::test
