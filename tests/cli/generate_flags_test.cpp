// The flags that change which tokens are chosen, and what is printed about them.

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "tests/cli/letters_model.hpp"

namespace lanewise::cli {
namespace {

using Json = nlohmann::json;
using Flags = std::vector<std::string>;

class GenerateFlagsTest : public LettersTest {
 protected:
  Outcome generate(Flags flags, std::string input = "hi user\n") {
    flags.insert(flags.end(), {"--max-new-tokens", "24"});
    return command("generate", std::move(flags), std::move(input));
  }

  Json json(Flags flags) {
    flags.emplace_back("--json");
    const Outcome outcome = generate(std::move(flags));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return outcome.objects().at(0);
  }

  static std::set<int> distinct(const Json& object) {
    const std::vector<int> ids = object["ids"];
    return {ids.begin(), ids.end()};
  }
};

TEST_F(GenerateFlagsTest, PenaltiesMakeTokensRarer) {
  const size_t plain = distinct(json({})).size();
  EXPECT_GT(distinct(json({"--repetition-penalty", "1.8"})).size(), plain);
  EXPECT_GT(distinct(json({"--frequency-penalty", "3"})).size(), plain);
  EXPECT_GT(distinct(json({"--presence-penalty", "6"})).size(), plain);
  EXPECT_LT(distinct(json({"--presence-penalty", "-20"})).size(), 3u);
}

TEST_F(GenerateFlagsTest, ABiasDecidesAndSeveralMayBeGiven) {
  const std::string z = std::to_string(id_of("z"));
  const std::string e = std::to_string(id_of("</s>"));
  const Json only = json({"--logit-bias", z + "=1000", "--logit-bias=" + e + "=-1000"});
  EXPECT_EQ(only["text"], std::string(24, 'z'));
  const int first = json({})["ids"][0];
  EXPECT_NE(json({"--logit-bias", std::to_string(first) + "=-1e3"})["ids"][0], first);
}

TEST_F(GenerateFlagsTest, MinPKeepsWhatIsLikely) {
  const Json greedy = json({});
  EXPECT_EQ(json({"--temperature", "2", "--min-p", "1"})["ids"], greedy["ids"]);
  EXPECT_NE(json({"--temperature", "2", "--min-p", "0.01"})["ids"], greedy["ids"]);
}

TEST_F(GenerateFlagsTest, StopStringsCutTextsAlsoWhenStreamed) {
  const Json whole = json({});
  const std::string text = whole["text"];
  ASSERT_GT(text.size(), 8u);
  for (const size_t begin : {size_t{0}, size_t{2}, size_t{5}}) {
    const std::string stop = text.substr(begin, 3);
    const std::string expected = text.substr(0, text.find(stop));
    const Json cut = json({"--stop", "never", "--stop", stop});
    EXPECT_EQ(cut["text"], expected);
    EXPECT_EQ(cut["finish_reason"], "stop");
    const std::vector<int> ids = cut["ids"];
    const std::vector<int> all = whole["ids"];
    EXPECT_TRUE(std::equal(ids.begin(), ids.end(), all.begin())) << "those of the stop are there";
    EXPECT_GT(ids.size(), 0u);
    EXPECT_EQ(generate({"--stop", stop}).out, expected + "\n");
    EXPECT_EQ(generate({"--stop", stop, "--stream"}).out, expected + "\n");
  }
  EXPECT_EQ(json({"--stop", "[a, b]"})["text"], text) << "brackets are no list";
}

TEST_F(GenerateFlagsTest, LogProbabilitiesAreThoseOfTheScore) {
  const Json object = json({"--top-logprobs", "3"});
  ASSERT_EQ(object["logprobs"].size(), object["ids"].size());
  double sum = 0.0;
  for (size_t i = 0; i < object["ids"].size(); ++i) {
    const Json& token = object["logprobs"][i];
    EXPECT_EQ(token["id"], object["ids"][i]);
    // The model has more ids than the tokenizer.
    if (token["token"] != "") {
      EXPECT_EQ(id_of(token["token"]), token["id"]);
    }
    ASSERT_EQ(token["top"].size(), 3u);
    EXPECT_EQ(token["top"][0]["id"], token["id"]) << "greedy takes the likeliest";
    EXPECT_EQ(token["top"][0]["logprob"], token["logprob"]);
    EXPECT_GE(token["top"][1]["logprob"], token["top"][2]["logprob"]);
    sum += token["logprob"].get<double>();
  }
  if (object["finish_reason"] == "length") {
    EXPECT_NEAR(object["score"], sum / static_cast<double>(object["ids"].size()), 1e-5);
  }
  EXPECT_TRUE(json({"--top-logprobs", "0"})["logprobs"][0]["top"].empty());
  EXPECT_FALSE(json({}).contains("logprobs"));
  const Json beams = json({"--top-logprobs", "1", "--beams", "2", "--num-return-sequences", "2"});
  EXPECT_EQ(beams["alternatives"][0]["logprobs"].size(), beams["alternatives"][0]["ids"].size());
}

TEST_F(GenerateFlagsTest, EchoPutsThePromptBefore) {
  const std::string text = json({})["text"];
  EXPECT_EQ(generate({"--echo"}).out, "hi user" + text + "\n");
  EXPECT_EQ(generate({"--echo", "--stream"}).out, "hi user" + text + "\n");
  EXPECT_EQ(json({"--echo"})["text"], "hi user" + text);
  const Outcome two = generate({"--echo", "--on-error", "skip"}, "hi\n\xff\nuser\n");
  ASSERT_EQ(two.lines().size(), 3u);
  EXPECT_TRUE(two.lines()[0].starts_with("hi"));
  EXPECT_EQ(two.lines()[1], "");
  EXPECT_TRUE(two.lines()[2].starts_with("user"));
  EXPECT_TRUE(is_error(run({"generate", bundled_model_folder(), "--echo", "cat"}), "--echo"));
}

TEST_F(GenerateFlagsTest, WrongUsage) {
  const auto refused = [&](Flags flags, const char* part) {
    EXPECT_TRUE(is_wrong_usage(generate(std::move(flags)), part));
  };
  refused({"--top-logprobs", "3"}, "--json");
  refused({"--json", "--top-logprobs", "101"}, "--top-logprobs");
  refused({"--min-p", "0.1"}, "--temperature");
  for (const char* bias : {"5", "=1", "5=", "x=1", "5=x", "-5=1", "5=inf", "5=1=2", "5.0=1"}) {
    refused({std::string("--logit-bias=") + bias}, "--logit-bias");
  }
  refused({"--stop", ""}, "--stop");
}

TEST_F(GenerateFlagsTest, BadValues) {
  const auto refused = [&](Flags flags, const char* part) {
    EXPECT_TRUE(is_error(generate(std::move(flags)), part));
  };
  refused({"--temperature", "1", "--min-p", "1.5"}, "min_p");
  refused({"--logit-bias", "61=1"}, "logit_bias");
  refused({"--logit-bias", "5=1", "--logit-bias", "5=2"}, "token 5");
  refused({"--repetition-penalty", "0"}, "repetition_penalty");
  refused({"--frequency-penalty", "1e9"}, "frequency_penalty");
  refused({"--stop", "\xff"}, "stop_strings");
}

TEST_F(GenerateFlagsTest, TextsShareASmallCache) {
  const std::vector<std::string> texts{"a b c d e f", "b", "c a b", "d d d d"};
  std::vector<std::string> arguments = texts;
  arguments.insert(arguments.end(), {"--max-new-tokens", "20", "--json"});
  const Outcome without_limit = command("generate", arguments);
  ASSERT_EQ(without_limit.exit_code, 0) << without_limit.err;
  arguments.insert(arguments.end(), {"--cache-bytes", "60000"});
  EXPECT_EQ(command("generate", arguments).out, without_limit.out);
  arguments.insert(arguments.end(), {"--cache-type", "int8"});
  EXPECT_NE(command("generate", arguments).out, without_limit.out) << "scores are rounded";
  const Outcome full = command("generate", {"a", "--cache-bytes", "1"});
  EXPECT_EQ(full.exit_code, 1);
  EXPECT_NE(full.err.find("the cache has room for 0"), std::string::npos) << full.err;
  EXPECT_EQ(command("generate", {"a", "--cache-bytes", "0"}).exit_code, 2);
  EXPECT_EQ(command("generate", {"a", "--cache-bytes", "99999999999999999999"}).exit_code, 2);
  for (const char* unknown : {"int4", "1", ""}) {
    const Outcome wrong = command("generate", {"a", "--cache-type", unknown});
    EXPECT_EQ(wrong.exit_code, 2);
    EXPECT_NE(wrong.err.find("--cache-type: "), std::string::npos) << wrong.err;
    EXPECT_EQ(wrong.err.find("->"), std::string::npos) << wrong.err;
  }
}

}  // namespace
}  // namespace lanewise::cli
