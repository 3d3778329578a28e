// Grammars in GBNF.

#include <gtest/gtest.h>

#include "tests/runtime/grammar_walk.hpp"

namespace lanewise::test {
namespace {

TEST(GrammarGbnf, Accepts) {
  const Tokens& tokens = Tokens::of("roberta");
  const struct {
    const char* grammar;
    std::vector<std::string> good;
    std::vector<std::string> bad;
  } cases[] = {
      {"root ::= \"a\"", {"a"}, {"b", "aa"}},
      {"# a comment\nroot ::= word (\" \" word)* # more\nword ::= [a-z]+\n",
       {"ab", "ab cd e"},
       {"ab ", " ab", "a  b"}},
      {"root ::= (\n  \"a\" |\n  \"b\"\n)+ \"c\"{2,3}\n", {"abcc", "bccc"}, {"ac", "acccc"}},
      {"root ::= \"x\"\n  | \"y\" |\n \"z\"\r\n", {"x", "y", "z"}, {"xy"}},
      {"root ::= \"(\" root \")\" | \"\"", {"()", "((()))"}, {"(()", "())"}},
      {"root ::= [^a-c]", {"d", "\n", "\xE4\xB8\xAD"}, {"a", "c"}},
      {"root ::= [a\\-\\]\\x41-\\u0043]+", {"a-]ABC"}, {"b", "D"}},
      {"root ::= \"\\\"\\\\\\n\\t\\u00e9\"", {"\"\\\n\t\xC3\xA9"}, {"a"}},
      {"root ::= .{2} a? b{,2}\na ::= \"a\"\nb ::= \"b\"", {"xy", "xyab", "xybb"}, {"x", "xybbb"}},
      // Ambiguous, and common beginnings of calls.
      {"root ::= e\ne ::= t | t \"+\" e\nt ::= \"x\" | \"(\" e \")\"",
       {"x", "x+x", "((x+x)+(x))", "((((((((((((((((((((x))))))))))))))))))))+x"},
       {"x+", "(x", "x)"}},
      {"root ::= (a | b)*\na ::= \"x\"\nb ::= \"x\" \"x\"", {"x", "xxxxxxxxx"}, {"y"}},
      // Lists by recursion, and empty rules.
      {"root ::= item rest\nrest ::= \",\" item rest | \"\"\nitem ::= [0-9]+ opt\nopt ::= \"!\"?",
       {"1", "12!,3,4!"},
       {"1,", ",1"}},
  };
  for (const auto& c : cases) {
    const Constraint constraint = constraint_of(Grammar::from_gbnf(c.grammar), tokens);
    for (const std::string& text : c.good) {
      EXPECT_TRUE(accepts(constraint, tokens, text)) << c.grammar << " '" << text << "'";
    }
    for (const std::string& text : c.bad) {
      EXPECT_FALSE(accepts(constraint, tokens, text)) << c.grammar << " '" << text << "'";
    }
  }
}

TEST(GrammarGbnf, MessagesNameTheLine) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "the rule 'root' is not defined"},
      {"a ::= \"x\"\n", "line 1: the rule 'root' is not defined"},
      {"root ::= a\n\na ::= b\n", "line 3: rule 'b' is not defined"},
      {"root ::= \"x\"\nroot ::= \"y\"", "line 2: rule 'root' is already defined in line 1"},
      {"root ::= a\na ::= \"\" b\nb ::= a \"x\"", "line 2: rule 'a' begins with itself"},
      {"root ::= root \"x\" | \"y\"", "line 1: rule 'root' begins with itself (left recursion)"},
      {"root ::= o root\no ::= \"x\"?", "line 1: rule 'root' begins with itself (left recursion)"},
      {"root ::= \"x", "line 1: '\"' is not closed"},
      {"root ::= [a", "line 1: '[' is not closed"},
      {"root ::= (\"a\"\n", "line 1: '(' is not closed"},
      {"root ::= \"a\")", "line 1: expected an element or the end of the line, found ')'"},
      {"root = \"a\"", "line 1: expected '::=' behind 'root', found '='"},
      {"root ::= *", "line 1: expected an element, found '*'"},
      {"root ::= \"a\"{3,2}", "line 1: the counts are reversed"},
      {"root ::= \"a\"{x}", "line 1: expected {m}, {m,}, {,n} or {m,n}"},
      {"root ::= \"\\q\"", "line 1: unknown escape '\\' before 'q'"},
      {"root ::= <think>", "line 1: tokens in angle brackets are not supported"},
      {"root ::= \"a\" root", "no text matches"},
      {"root ::= [\\ud800]", "an escape is not a character"},
  };
  for (const auto& [grammar, message] : cases) {
    const auto made = Grammar::from_gbnf(grammar);
    ASSERT_FALSE(made.ok()) << grammar;
    EXPECT_NE(made.status().message().find(message), std::string::npos)
        << grammar << ": " << made.status().message();
  }
}

TEST(GrammarGbnf, DeepTextsStaySmall) {
  const Tokens& tokens = Tokens::of("roberta");
  // Calls nest as deep as they may: then the text has to close.
  const Constraint nested = constraint_of(
      Grammar::from_gbnf("root ::= \"(\" inner \")\"\ninner ::= root | \"x\""), tokens);
  GrammarState state = *nested.start();
  const int32_t open = static_cast<int32_t>(
      std::find(tokens.bytes.begin(), tokens.bytes.end(), "(") - tokens.bytes.begin());
  int depth = 0;
  while (state.accept(open).ok()) ++depth;
  EXPECT_GT(depth, 100);
  EXPECT_LT(depth, 1000);
  std::vector<int32_t> ids(static_cast<size_t>(depth), open);
  while (!state.finished()) {
    const std::vector<int32_t> allowed = allowed_ids(state);
    ASSERT_FALSE(allowed.empty());
    ids.push_back(allowed[0]);
    ASSERT_TRUE(state.accept(allowed[0]).ok());
  }
  EXPECT_EQ(tokens.decoded(ids), std::string(static_cast<size_t>(depth), '(') + "x" +
                                     std::string(static_cast<size_t>(depth), ')'));
}

TEST(GrammarGbnf, AmbiguityIsBounded) {
  const Tokens& tokens = Tokens::of("roberta");
  // Each x has many readings; the number of stacks would double with each.
  std::string grammar = "root ::= s0\n";
  for (int i = 0; i < 40; ++i) {
    const std::string next = "s" + std::to_string(i + 1);
    grammar += "s" + std::to_string(i) + " ::= \"x\" " + next + " | \"x\" " + next +
               " \"y\" | \"x\" " + next + " \"y\"? \n";
  }
  grammar += "s40 ::= \"z\"\n";
  const Constraint constraint = constraint_of(Grammar::from_gbnf(grammar), tokens);
  EXPECT_TRUE(accepts(constraint, tokens, std::string(40, 'x') + "z" + std::string(17, 'y')));
  EXPECT_FALSE(accepts(constraint, tokens, std::string(40, 'x') + "z" + std::string(41, 'y')));
}

}  // namespace
}  // namespace lanewise::test
