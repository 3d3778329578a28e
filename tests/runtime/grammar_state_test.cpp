// Vocabularies, masks and states.

#include <gtest/gtest.h>

#include <thread>

#include "runtime/grammar/constraint.hpp"
#include "tests/runtime/grammar_walk.hpp"

namespace lanewise::test {
namespace {

TEST(GrammarVocabulary, BytesOfTokensAreThoseOfTheText) {
  for (const char* name :
       {"roberta", "unigram", "llama", "wordpiece", "wordpiece_metaspace", "wordlevel"}) {
    const Tokens& tokens = Tokens::of(name);
    Random random(3);
    for (int i = 0; i < 500; ++i) {
      std::vector<int32_t> ids;
      std::string bytes;
      for (uint64_t n = 1 + random.below(6); n > 0; --n) {
        const auto id = static_cast<int32_t>(random.below(tokens.bytes.size()));
        const std::string& added =
            (ids.empty() ? tokens.first_bytes : tokens.bytes)[static_cast<size_t>(id)];
        // Others are never allowed.
        if (added.empty() || tokens.bytes[static_cast<size_t>(id)].empty()) continue;
        ids.push_back(id);
        bytes += added;
      }
      if (text::valid_utf8_prefix(bytes) == bytes.size()) {
        EXPECT_EQ(tokens.decoded(ids), bytes) << name;
      }
    }
  }
}

TEST(GrammarVocabulary, RefusesDecodersThatLookAtNeighbours) {
  for (const auto& [name, message] : {std::pair("wordpiece_fixed", "'BPEDecoder'"),
                                      std::pair("wordpiece_bert_in_parts", "'CTC'")}) {
    const nlohmann::json& entry = text::subword_golden()["tokenizers"][name];
    nlohmann::json file = entry["parts"];
    file["model"] = nlohmann::json::parse(
        text::read_subword_data(entry["model"].get<std::string>() + ".model.json"));
    const auto made = GrammarVocabulary::of(*Tokenizer::from_json(file.dump()));
    ASSERT_FALSE(made.ok()) << name;
    EXPECT_EQ(made.status().code(), StatusCode::kUnsupported);
    EXPECT_NE(made.status().message().find(message), std::string::npos) << made.status().message();
  }
}

/// Masks say of every token what accept() does.
void expect_exact_masks(const Constraint& constraint, uint64_t seed) {
  Random random(seed);
  GrammarState state = *constraint.start();
  for (int step = 0; step < 40 && !state.finished(); ++step) {
    const std::vector<int32_t> allowed = allowed_ids(state);
    std::vector<int32_t> accepted;
    for (int32_t id = 0; id < constraint.vocabulary_size(); ++id) {
      GrammarState next = state;
      if (next.accept(id).ok()) accepted.push_back(id);
    }
    ASSERT_EQ(allowed, accepted) << "step " << step;
    if (allowed.empty()) return;
    ASSERT_TRUE(state.accept(allowed[random.below(allowed.size())]).ok());
  }
}

TEST(GrammarState, MasksSayWhatIsAccepted) {
  const std::vector<Grammar> grammars = {
      made(Grammar::json()), made(Grammar::from_regex("(a|bc)*[^x]{1,7}")),
      made(Grammar::from_gbnf("root ::= a \",\" root | a\na ::= \"(\" root \")\" | [a-z]+ | \"\"")),
      made(Grammar::from_json_schema(
          R"({"type": "object", "properties": {"a": {"type": "string", "maxLength": 4},
              "b": {"enum": ["x", "xy"]}, "c": {"type": "array"}}, "required": ["a"],
              "additionalProperties": {"$ref": "#"}})"))};
  for (const char* name : {"roberta", "llama", "wordpiece"}) {
    for (const Grammar& grammar : grammars) {
      const Constraint constraint = *Constraint::create(grammar, Tokens::of(name).vocabulary);
      for (uint64_t seed = 0; seed < 4; ++seed) expect_exact_masks(constraint, seed);
    }
  }
}

TEST(GrammarState, CopiesAreIndependent) {
  const Tokens& tokens = Tokens::of("roberta");
  const Constraint constraint = constraint_of(Grammar::from_regex("ab|ac"), tokens);
  const auto id_of = [&](const char* text) {
    return static_cast<int32_t>(std::find(tokens.bytes.begin(), tokens.bytes.end(), text) -
                                tokens.bytes.begin());
  };
  GrammarState state = *constraint.start();
  ASSERT_TRUE(state.accept(id_of("a")).ok());
  GrammarState copy = state;
  ASSERT_TRUE(state.accept(id_of("b")).ok());
  EXPECT_TRUE(state.finished());
  EXPECT_FALSE(copy.may_end());
  EXPECT_TRUE(copy.accept(id_of("c")).ok());
  EXPECT_TRUE(copy.finished());
  EXPECT_TRUE(allowed_ids(copy).empty());
}

TEST(GrammarState, RefusesTokensAndStaysAsItWas) {
  const Tokens& tokens = Tokens::of("roberta");
  const Constraint constraint = constraint_of(Grammar::from_regex("[0-9]+"), tokens);
  GrammarState state = *constraint.start();
  const std::vector<int32_t> before = allowed_ids(state);
  for (const int32_t id : {-1, static_cast<int32_t>(tokens.bytes.size()), 0, 1000000}) {
    const Status refused = state.accept(id);
    EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument) << id;
    EXPECT_EQ(allowed_ids(state), before);
  }
  EXPECT_FALSE(state.may_end());
}

TEST(GrammarState, TheFirstTokenOfATextHasNoSpace) {
  const Tokens& tokens = Tokens::of("llama");
  const Constraint constraint = constraint_of(Grammar::from_regex(" ?[a-z]+"), tokens);
  int32_t word = 0;  // one that begins with a space within a text
  while (tokens.bytes[static_cast<size_t>(word)] == tokens.first_bytes[static_cast<size_t>(word)])
    ++word;
  GrammarState first = *constraint.start();
  ASSERT_EQ(tokens.bytes[static_cast<size_t>(word)].substr(1),
            tokens.first_bytes[static_cast<size_t>(word)]);
  const Constraint bare = constraint_of(Grammar::from_regex("[a-z]+"), tokens);
  const Constraint spaced = constraint_of(Grammar::from_regex(" [a-z]+"), tokens);
  while (tokens.bytes[static_cast<size_t>(word)].size() < 3 ||
         tokens.bytes[static_cast<size_t>(word)] == tokens.first_bytes[static_cast<size_t>(word)] ||
         tokens.first_bytes[static_cast<size_t>(word)].find_first_not_of(
             "abcdefghijklmnopqrstuvwxyz") != std::string::npos) {
    ++word;
  }
  // After special tokens alone a text begins, after a word it does not.
  for (const auto& [before, begins] :
       {std::pair(std::vector<int32_t>{}, true), std::pair(std::vector<int32_t>{1}, true),
        std::pair(std::vector<int32_t>{1, word}, false)}) {
    EXPECT_EQ(bare.start(before)->accept(word).ok(), begins);
    EXPECT_EQ(spaced.start(before)->accept(word).ok(), !begins);
  }
}

TEST(GrammarState, StatesMoveToNewMemory) {
  // A few kilobytes are too little for any grammar: each call begins in new memory.
  const Tokens& tokens = Tokens::of("roberta");
  const Grammar grammar = made(Grammar::json());
  const Constraint wide = *Constraint::create(grammar, tokens.vocabulary);
  const Constraint narrow(std::make_shared<internal::ConstraintData>(
      grammar.data(), tokens.vocabulary.data(), size_t{1} << 12));
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Random random(seed);
    GrammarState a = *wide.start();
    GrammarState b = *narrow.start();
    GrammarState old = b;
    const std::vector<int32_t> first = allowed_ids(old);
    for (int step = 0; step < 60 && !a.finished(); ++step) {
      const std::vector<int32_t> allowed = allowed_ids(a);
      ASSERT_EQ(allowed_ids(b), allowed) << step;
      const int32_t id = allowed[random.below(allowed.size())];
      ASSERT_TRUE(a.accept(id).ok());
      ASSERT_TRUE(b.accept(id).ok());
      ASSERT_EQ(a.may_end(), b.may_end());
    }
    EXPECT_EQ(allowed_ids(old), first);
  }
}

TEST(GrammarState, ThreadsShareAConstraint) {
  const Tokens& tokens = Tokens::of("roberta");
  const Constraint constraint = constraint_of(Grammar::json(), tokens);
  std::vector<std::string> texts(4);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < texts.size(); ++i) {
    threads.emplace_back([&, i] {
      Random random(7);
      for (int n = 0; n < 20; ++n) {
        if (const auto ids = random_walk(constraint, random, 100)) texts[i] += tokens.decoded(*ids);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& text : texts) EXPECT_EQ(text, texts[0]);
}

}  // namespace
}  // namespace lanewise::test
