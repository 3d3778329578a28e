// The part in C++ of tests/reference/check_grammars.py, which sets LANEWISE_GRAMMAR_CASES to a file.

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/runtime/grammar_walk.hpp"

namespace lanewise::test {
namespace {

using nlohmann::json;

Result<Grammar> grammar_of(const json& c) {
  const std::string kind = c["kind"];
  const std::string text = c["grammar"];
  if (kind == "regex") return Grammar::from_regex(text);
  return kind == "gbnf" ? Grammar::from_gbnf(text) : Grammar::from_json_schema(text);
}

/// Random texts of a case, and whether its own are accepted.
json answer(const json& c, const Tokens& tokens, uint64_t seed) {
  const Result<Grammar> grammar = grammar_of(c);
  if (!grammar.ok()) return {{"error", grammar.status().message()}};
  const Constraint constraint = *Constraint::create(*grammar, tokens.vocabulary);
  json result = {{"texts", json::array()}, {"accepted", json::array()}};
  Random random(seed);
  for (int i = 0; i < c.value("walks", 0); ++i) {
    const auto ids = random_walk(constraint, random, c.value("most", 400));
    if (ids) result["texts"].push_back(tokens.decoded(*ids));
  }
  for (const json& text : c.value("try", json::array())) {
    const auto bytes = text.get<std::string>();
    const bool written = random_split(tokens, bytes, random).has_value();
    result["accepted"].push_back(written ? json(accepts(constraint, tokens, bytes)) : json());
  }
  return result;
}

TEST(GrammarReference, AnswersTheScript) {
  const char* path = std::getenv("LANEWISE_GRAMMAR_CASES");
  if (path == nullptr) GTEST_SKIP() << "for tests/reference/check_grammars.py";
  std::ifstream in(path);
  const json file = json::parse(in);
  const Tokens& tokens = Tokens::of(file["tokenizer"]);
  json answers = json::array();
  for (const json& c : file["cases"]) answers.push_back(answer(c, tokens, answers.size() + 1));
  std::ofstream(std::string(path) + ".answers") << answers;
}

}  // namespace
}  // namespace lanewise::test
