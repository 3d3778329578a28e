// Generation by decoders with random weights: what they say, the text is what the grammar allows.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lanewise/convert.hpp"
#include "lanewise/generator.hpp"
#include "lanewise/grammar.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/hf_checkpoint.hpp"

namespace lanewise::converters {
namespace {

using Json = nlohmann::json;

// The vocabulary of the models.
constexpr size_t kConstrainedGenerationTokens = 61;

/// Letters, digits, what JSON needs, and tokens that span several of its elements.
Tokenizer json_tokenizer() {
  std::vector<std::string> tokens{
      "<pad>", "<s>", "</s>", "{",    "}",    "[",    "]",      "\"",     ":",  ",",
      " ",     "\\",  "-",    ".",    "{\"",  "\":",  "\", \"", "\"}",    "],", "[]",
      "true",  "fal", "se",   "null", "\xC3", "\xA9", "\\u",    "\": \"", "a\""};
  for (char c = '0'; c <= '9'; ++c) tokens.emplace_back(1, c);
  for (char c = 'a'; tokens.size() < kConstrainedGenerationTokens; ++c) tokens.emplace_back(1, c);
  Json file = {{"model", {{"type", "WordLevel"}, {"unk_token", "<pad>"}}},
               {"decoder", {{"type", "Fuse"}}}};
  for (size_t i = 0; i < tokens.size(); ++i) {
    // Bytes of a character cannot stand in JSON: their tokens are left out.
    if ((tokens[i][0] & 0x80) != 0) tokens[i] = "t" + std::to_string(i);
    file["model"]["vocab"][tokens[i]] = i;
    if (i < 3)
      file["added_tokens"].push_back({{"id", i}, {"content", tokens[i]}, {"special", true}});
  }
  const auto made = Tokenizer::from_json(file.dump());
  EXPECT_TRUE(made.ok()) << made.status().message();
  return *made;
}

constexpr const char* kSchema = R"({"type": "object", "properties": {
    "a": {"type": "integer", "minimum": -5, "maximum": 99},
    "b": {"enum": ["b", "no", null]},
    "c": {"type": "array", "items": {"type": "boolean"}, "maxItems": 2},
    "d": {"type": "string", "maxLength": 3}}, "required": ["a", "b"]})";

bool is_valid(const Json& v) {
  return v.is_object() && v["a"].is_number_integer() && v["a"] >= -5 && v["a"] <= 99 &&
         (v["b"] == "b" || v["b"] == "no" || v["b"].is_null()) &&
         (!v.contains("c") || (v["c"].is_array() && v["c"].size() <= 2)) &&
         (!v.contains("d") || v["d"].is_string());
}

class ConstrainedGenerationTest : public CheckpointFolderTest,
                                  public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    CheckpointFolderTest::SetUp();
    HfCheckpoint checkpoint = hf_checkpoint(GetParam(), kHfDecoders);
    config_ = checkpoint.config;
    write_config();
    write_tensors("model.safetensors", checkpoint.tensors);
  }

  Model model() {
    Result<Model> made = load(source_.string(), options_);
    EXPECT_TRUE(made.ok()) << made.status().message();
    return *made;
  }

  std::vector<Generation> generate(const GenerationOptions& options,
                                   const std::vector<Constraint>& constraints) {
    const std::vector<std::vector<int32_t>> sources{{1, 5, 9}, {1}, {1, 30, 31, 32, 33}};
    Result<Generator> generator = Generator::create(model(), {.threads = 2});
    EXPECT_TRUE(generator.ok()) << generator.status().message();
    const auto found = generator->generate(sources, options, {}, {}, constraints);
    EXPECT_TRUE(found.ok()) << found.status().message();
    return *found;
  }
};
INSTANTIATE_TEST_SUITE_P(Models, ConstrainedGenerationTest,
                         ::testing::Values("llama", "gpt2", "qwen3", "gemma2"));

TEST_P(ConstrainedGenerationTest, EveryTextIsValid) {
  const Tokenizer tokenizer = json_tokenizer();
  const GrammarVocabulary vocabulary = *GrammarVocabulary::of(tokenizer);
  const Result<Grammar> grammar = Grammar::from_json_schema(kSchema);
  ASSERT_TRUE(grammar.ok()) << grammar.status().message();
  const std::vector<Constraint> constraints{*Constraint::create(*grammar, vocabulary)};
  std::vector<GenerationOptions> searches(4);
  searches[1].beams = 4;
  searches[1].num_return_sequences = 4;
  searches[2].temperature = 2.0;
  searches[2].num_return_sequences = 20;
  searches[3].temperature = 1.0;
  searches[3].top_k = 5;
  searches[3].top_p = 0.9;
  searches[3].repetition_penalty = 1.3;
  searches[3].num_return_sequences = 10;
  int ended = 0;
  for (GenerationOptions& options : searches) {
    options.eos_token_ids = {2};
    for (const Generation& generation : generate(options, constraints)) {
      for (const Hypothesis& hypothesis : generation.hypotheses) {
        const std::string text = *tokenizer.decode(hypothesis.ids);
        if (hypothesis.finish_reason == FinishReason::kLength) continue;
        EXPECT_EQ(hypothesis.finish_reason, FinishReason::kEos);
        const Json value = Json::parse(text, nullptr, false);
        EXPECT_TRUE(!value.is_discarded() && is_valid(value)) << "'" << text << "'";
        ++ended;
      }
    }
  }
  EXPECT_GT(ended, 60);
}

TEST_P(ConstrainedGenerationTest, EachSourceHasItsOwn) {
  const Tokenizer tokenizer = json_tokenizer();
  const GrammarVocabulary vocabulary = *GrammarVocabulary::of(tokenizer);
  std::vector<Constraint> constraints;
  for (const char* pattern : {"[ab]{3}", "[0-9]{2},[0-9]{2}", "true|null"}) {
    constraints.push_back(*Constraint::create(*Grammar::from_regex(pattern), vocabulary));
  }
  GenerationOptions options;
  options.eos_token_ids = {2};
  const std::vector<Generation> found = generate(options, constraints);
  const auto text_of = [&](size_t i) { return *tokenizer.decode(found[i].hypotheses[0].ids); };
  EXPECT_EQ(text_of(0).find_first_not_of("ab"), std::string::npos);
  EXPECT_EQ(text_of(0).size(), 3U);
  EXPECT_EQ(text_of(1).size(), 5U);
  EXPECT_TRUE(text_of(2) == "true" || text_of(2) == "null") << text_of(2);
  // Without an end token a finished text stops.
  options.eos_token_ids = {};
  for (const Generation& generation : generate(options, constraints)) {
    EXPECT_EQ(generation.hypotheses[0].finish_reason, FinishReason::kStop);
  }
}

}  // namespace
}  // namespace lanewise::converters
