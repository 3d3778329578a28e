#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include <nlohmann/json.hpp>

#include "cli/bench/compare.hpp"
#include "tests/cli/program.hpp"

namespace lanewise::cli {
namespace {

std::string saved(const std::string& model, int length, double ms, double spread) {
  const nlohmann::json json = {{"model", model},
                               {"weights", "f32"},
                               {"isa", "avx2"},
                               {"threads", 2},
                               {"lengths", {length}},
                               {"p50_ms", ms},
                               {"p50_low_ms", ms - spread},
                               {"p50_high_ms", ms + spread}};
  return json.dump() + "\n";
}

TEST(BenchCompare, VerdictsRespectTheNoise) {
  EXPECT_EQ(verdict_of({0.8, {0.75, 0.85}}), "faster");
  EXPECT_EQ(verdict_of({1.3, {1.2, 1.4}}), "slower");
  EXPECT_EQ(verdict_of({0.9, {0.7, 1.1}}), "no difference");
  EXPECT_EQ(verdict_of({1.0, {1.0, 1.0}}), "no difference");
  EXPECT_EQ(verdict_of({0.995, {0.994, 0.996}}), "no difference") << "less than 1 %";
}

TEST(BenchCompare, MatchesEqualWork) {
  const std::string first = saved("a", 16, 1.0, 0.01) + saved("a", 32, 2.0, 0.5);
  const std::string second =
      saved("b", 64, 9.0, 0.1) + saved("b", 32, 2.2, 0.1) + saved("b", 16, 2.0, 0.01);
  const Result<Comparisons> result = compare_results(first, "A", second, "B");
  ASSERT_TRUE(result.ok()) << result.status().message();
  ASSERT_EQ(result->pairs.size(), 2u);
  EXPECT_EQ(result->unmatched, 1u);
  const Comparison& pair = result->pairs[0];
  EXPECT_EQ(pair.work, "1 x 16 tokens, 2 threads, avx2, f32");
  EXPECT_EQ(pair.first_model, "a");
  EXPECT_EQ(pair.second_model, "b");
  EXPECT_DOUBLE_EQ(pair.ratio.value, 0.5);
  EXPECT_DOUBLE_EQ(pair.ratio.interval.low, 0.99 / 2.01);
  EXPECT_DOUBLE_EQ(pair.ratio.interval.high, 1.01 / 1.99);
  EXPECT_EQ(verdict_of(pair.ratio), "faster");
  EXPECT_EQ(verdict_of(result->pairs[1].ratio), "no difference");
}

TEST(BenchCompare, SingleResultsBelongTogether) {
  const Result<Comparisons> result =
      compare_results(saved("a", 16, 1.0, 0.01), "A", saved("b", 32, 2.0, 0.01), "B");
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(converters::has(result->pairs[0].work, "1 x 16", "against", "1 x 32"));
}

TEST(BenchCompare, Errors) {
  const std::string good = saved("a", 16, 1.0, 0.01);
  const auto error = [](const std::string& first, const std::string& second) {
    return compare_results(first, "A.json", second, "B.json").status().message();
  };
  EXPECT_TRUE(
      converters::has(error(good, good + "\n{\"p50_ms\": 1}\n"), "B.json", "line 3", "p50_low_ms"));
  EXPECT_TRUE(converters::has(error("hello\n", good), "A.json", "line 1"));
  EXPECT_TRUE(converters::has(error("\n", good), "A.json", "no results"));
  EXPECT_TRUE(converters::has(error(good + good, saved("b", 8, 1.0, 0.1)), "A.json", "B.json",
                              "in common"));
}

class BenchCompareCommandTest : public ProgramTest {
 protected:
  std::string put_file(const std::string& name, const std::string& text) {
    std::ofstream(source_ / name) << text;
    return (source_ / name).string();
  }
};

TEST_F(BenchCompareCommandTest, ComparesSavedResults) {
  const std::string a = put_file("a.json", saved("a", 16, 1.0, 0.01));
  const std::string b = put_file("b.json", saved("b", 16, 2.0, 0.01));
  const Outcome plain = run({"bench", "--compare", a, b});
  EXPECT_EQ(plain.exit_code, 0) << plain.err;
  EXPECT_TRUE(converters::has(plain.out, "faster", "0.500 of its time"));
  EXPECT_TRUE(converters::has(plain.err, "--against"));
  const Outcome json = run({"bench", "--compare", b, a, "--json"});
  EXPECT_EQ(json.objects().at(0)["verdict"], "slower");
  EXPECT_TRUE(is_error(run({"bench", "--compare", a, "none.json"}), "none.json"));
  EXPECT_TRUE(is_wrong_usage(run({"bench", "--compare", a}), "--compare"));
  EXPECT_TRUE(is_wrong_usage(run({"bench", model(), "--compare", a, b}), "MODEL"));
  EXPECT_TRUE(is_wrong_usage(run({"bench"}), "MODEL"));
}

TEST_F(BenchCompareCommandTest, RunsTwoModelsInTurn) {
  const Outcome outcome = run({"bench", model(), "--against", checkpoint(), "--seconds", "0.3",
                               "--length", "8", "--threads", "1", "--json"});
  ASSERT_EQ(outcome.lines().size(), 2u) << outcome.err;
  const auto results = outcome.objects();
  EXPECT_EQ(results[0]["model"], model());
  EXPECT_EQ(results[1]["model"], checkpoint());
  const nlohmann::json& against = results[0]["against"];
  EXPECT_EQ(against["model"], checkpoint());
  EXPECT_NEAR(against["ratio"].get<double>(),
              results[0]["p50_ms"].get<double>() / results[1]["p50_ms"].get<double>(), 0.05);
  EXPECT_LE(against["ratio_low"], against["ratio_high"]);
  const std::string verdict = against["verdict"];
  EXPECT_TRUE(verdict == "faster" || verdict == "slower" || verdict == "no difference");
  EXPECT_FALSE(results[1].contains("against"));
}

}  // namespace
}  // namespace lanewise::cli
