// Grammars, their states, and generation by them, with allocations that fail.

#include "lanewise/grammar.hpp"

#include <gtest/gtest.h>

#include "lanewise/generator.hpp"
#include "lanewise/translator.hpp"
#include "tests/contracts/sweep.hpp"
#include "tests/contracts/tiny_models.hpp"
#include "tests/runtime/text_subword_golden.hpp"

namespace lanewise::test {
namespace {

constexpr const char* kSchema = R"({"type": "object", "properties": {"a": {"type": "integer",
    "minimum": 3}, "b": {"enum": ["x", 1.5]}, "c": {"$ref": "#"}}, "required": ["a"]})";

Tokenizer byte_level() {
  const nlohmann::json& entry = text::subword_golden()["tokenizers"]["roberta"];
  nlohmann::json file = entry["parts"];
  file["model"] = nlohmann::json::parse(text::read_subword_data("byte_bpe.model.json"));
  return expect_ok(Tokenizer::from_json(file.dump()));
}

std::string mask_of(GrammarState& state) {
  return bytes(expect_ok(state.allowed())) + std::to_string(state.may_end()) +
         std::to_string(state.finished());
}

/// The token `text`.
int32_t id_of(const Tokenizer& tokenizer, const char* text) {
  return expect_ok(tokenizer.id(text)).value();
}

TEST(GrammarContract, Make) {
  expect_contract(
      "Grammar::from_regex", [] { return Grammar::from_regex("(a|[b-z]{2,3})+\\d"); }, kNoBits);
  expect_contract(
      "Grammar::from_regex, wrong", [] { return Grammar::from_regex("a(?=b and some more text)"); },
      kNoBits);
  expect_contract(
      "Grammar::from_gbnf",
      [] { return Grammar::from_gbnf("root ::= a+\na ::= [a-z] | \"(\" a \")\""); }, kNoBits);
  expect_contract(
      "Grammar::from_gbnf, wrong", [] { return Grammar::from_gbnf("root ::= another_rule"); },
      kNoBits);
  expect_contract(
      "Grammar::from_json_schema", [] { return Grammar::from_json_schema(kSchema); }, kNoBits);
  expect_contract(
      "Grammar::from_json_schema, wrong",
      [] { return Grammar::from_json_schema(R"({"patternProperties": {}})"); }, kNoBits);
  expect_contract(
      "Grammar::json", [] { return Grammar::json(); }, kNoBits);
}

TEST(GrammarContract, Use) {
  const Tokenizer tokenizer = byte_level();
  expect_contract(
      "GrammarVocabulary::of", [&] { return GrammarVocabulary::of(tokenizer); }, kNoBits);
  const GrammarVocabulary vocabulary = expect_ok(GrammarVocabulary::of(tokenizer));
  const Grammar grammar = expect_ok(Grammar::from_json_schema(kSchema));
  const auto constraint = [&] { return expect_ok(Constraint::create(grammar, vocabulary)); };
  expect_contract(
      "Constraint::create", [&] { return Constraint::create(grammar, vocabulary); },
      [](const Result<Constraint>& made) { return std::to_string(made->vocabulary_size()); });
  expect_contract(
      "Constraint::start", constraint, [](const Constraint& made) { return made.start(); },
      [](const Constraint&, Result<GrammarState>& state) { return mask_of(*state); });
  const auto state = [&] { return expect_ok(constraint().start()); };
  expect_contract(
      "GrammarState::allowed", state, [](GrammarState& made) { return made.allowed(); },
      [](GrammarState&, const Result<std::span<const uint64_t>>& mask) { return bytes(*mask); });
  // Of a state that a call has changed another copy is asked.
  const int32_t open = id_of(tokenizer, "{");
  expect_contract(
      "GrammarState::accept", state,
      [&](GrammarState& made) {
        GrammarState next = made;
        const Status accepted = next.accept(open);
        if (accepted.ok()) made = next;
        return accepted.ok() ? Status() : accepted;
      },
      [](GrammarState& made, const Status&) { return mask_of(made); });
  expect_contract(
      "GrammarState::accept, not allowed", state,
      [&](GrammarState& made) { return made.accept(id_of(tokenizer, "}")); }, kNoBits);
}

class ConstrainedContract : public TinyModels {};

TEST_F(ConstrainedContract, Generate) {
  put_translator();
  const Model model = open();
  const GrammarVocabulary vocabulary =
      expect_ok(GrammarVocabulary::of(expect_ok(Tokenizer::of_target(model))));
  const Grammar grammar = expect_ok(Grammar::from_regex("(AA| B){2,3}"));
  const std::vector<std::vector<int32_t>> sources{{3, 4, 5}, {4}};
  for (const int beams : {1, 3}) {
    GenerationOptions options = model.info().generation;
    options.max_new_tokens = 5;
    options.beams = beams;
    expect_contract(
        "Generator::generate, constrained, beams " + std::to_string(beams),
        [&] { return expect_ok(Generator::create(model, {.threads = 2})); },
        [&](Generator& made) {
          // A new one each time: what it remembers would spare allocations.
          const auto constraint = Constraint::create(grammar, vocabulary);
          if (!constraint.ok()) return Result<std::vector<Generation>>(constraint.status());
          return made.generate(sources, options, {}, {}, {&*constraint, 1});
        },
        [](const Generator&, const Result<std::vector<Generation>>& generations) {
          std::string bits;
          for (const Generation& generation : *generations) {
            for (const Hypothesis& one : generation.hypotheses) bits += bytes(one.ids) + "|";
          }
          return bits;
        });
  }
  const std::vector<Constraint> three(3, expect_ok(Constraint::create(grammar, vocabulary)));
  expect_contract(
      "Generator::generate, wrong number of constraints",
      [&] { return expect_ok(Generator::create(model)); },
      [&](Generator& made) {
        return made.generate(sources, model.info().generation, {}, {}, three);
      },
      kNoBits);
}

}  // namespace
}  // namespace lanewise::test
