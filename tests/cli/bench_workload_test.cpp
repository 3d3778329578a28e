#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "tests/cli/letters_model.hpp"
#include "tests/cli/program.hpp"

namespace lanewise::cli {
namespace {

class BenchWorkloadTest : public ProgramTest {
 protected:
  Outcome bench(std::vector<std::string> flags, const std::string& input = {}) {
    flags.insert(flags.begin(), {"bench", model(), "--seconds", "0.05", "--threads", "1"});
    return run(flags, input);
  }
  std::string put_texts(const std::string& text) {
    std::ofstream(source_ / "texts.txt") << text;
    return (source_ / "texts.txt").string();
  }
};

TEST_F(BenchWorkloadTest, RealTextsBringTheirLengths) {
  const std::string texts = "a b\n\na b c d e f g h i j k\nb\n";
  std::vector<int> expected;
  for (const nlohmann::json& object :
       run({"embed", model(), "--json", "--quiet"}, texts).objects()) {
    expected.push_back(object["tokens"].get<int>());
  }
  ASSERT_EQ(expected.size(), 4u);
  const std::string path = put_texts(texts);
  const Outcome outcome = bench({"--input", path, "--json"});
  ASSERT_EQ(outcome.lines().size(), 1u) << outcome.err;
  const nlohmann::json result = outcome.objects()[0];
  EXPECT_EQ(result["lengths"], expected);
  EXPECT_EQ(result["batch"], 4);
  EXPECT_EQ(result["input"], path);
  EXPECT_EQ(bench({"--input", "-", "--json"}, texts).objects().at(0)["lengths"], expected);
  EXPECT_TRUE(converters::has(bench({"--input", path}).out, "4 sequences", path));
}

/// More texts than fit into one batch: tokens and operations of all of them count.
TEST_F(BenchWorkloadTest, ManyTextsRunInBatches) {
  std::string texts;
  for (int i = 0; i < 300; ++i) texts += "a b c d e f\n";
  const Outcome outcome = bench({"--input", put_texts(texts), "--json"});
  ASSERT_EQ(outcome.lines().size(), 1u) << outcome.err;
  const nlohmann::json all = outcome.objects()[0];
  const double seconds = all["p50_ms"].get<double>() / 1e3;
  EXPECT_NEAR(all["tokens_per_s"].get<double>() * seconds, 300 * 8, 30);
  const nlohmann::json one = bench({"--length", "8", "--json"}).objects().at(0);
  const double flops = one["gflops"].get<double>() * one["p50_ms"].get<double>();
  EXPECT_NEAR(all["gflops"].get<double>() * all["p50_ms"].get<double>(), 300 * flops, 15 * flops);
}

TEST_F(BenchWorkloadTest, RequestsArriveAtARate) {
  const std::string path = put_texts("a b\nc d e\n");
  const Outcome outcome = run({"bench", model(), "--threads", "1", "--input", path, "--rate",
                               "100,40", "--seconds", "0.3", "--json", "--csv", out_path("r.csv")});
  ASSERT_EQ(outcome.lines().size(), 1u) << outcome.err;
  const nlohmann::json streams = outcome.objects()[0]["streams"];
  ASSERT_EQ(streams.size(), 2u);
  for (const nlohmann::json& stream : streams) {
    EXPECT_GE(stream["requests"], 1);
    EXPECT_EQ(stream["unfinished"], 0);
    EXPECT_GT(stream["achieved_rate"], 0.0);
    EXPECT_GT(stream["p50_ms"], 0.0);
    EXPECT_LE(stream["p50_ms"], stream["p90_ms"]);
    EXPECT_LE(stream["p90_ms"], stream["p99_ms"]);
    EXPECT_LE(stream["p99_ms"], stream["p99_9_ms"]);
    EXPECT_LE(stream["p99_9_ms"], stream["max_ms"]);
    EXPECT_LE(stream["busy"], 1.0);
  }
  EXPECT_EQ(streams[0]["rate"], 100.0);
  const std::string csv = contents(out_path("r.csv"));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 4) << "header, result, two streams";
  EXPECT_EQ(std::count(csv.begin(), csv.end(), ',') % 4, 0) << "as many columns in each";
}

/// No model takes requests as fast as this: those that wait are not forgotten.
TEST_F(BenchWorkloadTest, RequestsThatWaitCount) {
  const nlohmann::json stream =
      bench({"--length", "24", "--rate", "2000000", "--json"}).objects().at(0)["streams"][0];
  EXPECT_GT(stream["unfinished"], 0);
  EXPECT_LT(stream["achieved_rate"], 2e6);
  EXPECT_GT(stream["p50_ms"], 10.0) << "half of them wait for most of 0.05 to 0.1 seconds";
}

TEST_F(BenchWorkloadTest, ColdStart) {
  const Outcome outcome = bench({"--length", "8", "--cold-start", "--json"});
  ASSERT_EQ(outcome.lines().size(), 1u) << outcome.err;
  const nlohmann::json result = outcome.objects()[0];
  for (const char* field :
       {"warm_load_ms", "warm_first_run_ms", "cold_load_ms", "cold_first_run_ms"}) {
    EXPECT_GT(result[field], 0.0) << field;
  }
  EXPECT_GE(result["cold_kept_in_cache"], 0.0);
  EXPECT_LE(result["cold_kept_in_cache"], 1.0);
  EXPECT_TRUE(is_error(run({"bench", checkpoint(), "--cold-start"}), "--cold-start", checkpoint()));
}

TEST_F(BenchWorkloadTest, BadInput) {
  EXPECT_TRUE(is_error(bench({"--input", "none.txt"}), "none.txt"));
  EXPECT_TRUE(is_error(bench({"--input", put_texts("")}), "no text"));
  EXPECT_TRUE(is_error(bench({"--input", put_texts("a\n\xFF\n")}), "line 2", "UTF-8"));
  EXPECT_TRUE(is_wrong_usage(bench({"--input", "x", "--length", "3"}), "--input"));
  EXPECT_TRUE(is_wrong_usage(bench({"--input", "x", "--sweep", "length=3"}), "--input"));
  EXPECT_TRUE(is_wrong_usage(bench({"--rate", "0"}), "--rate"));
  EXPECT_TRUE(is_wrong_usage(bench({"--rate", "5,x"}), "--rate"));
}

using BenchPromptsTest = LettersTest;

TEST_F(BenchPromptsTest, GenerateFromRealPrompts) {
  std::ofstream(source_ / "prompts.txt") << "abc\nabcdefgh\n";
  const Outcome outcome =
      command("bench", {"--seconds", "0.05", "--json", "--input",
                        (source_ / "prompts.txt").string(), "--new-tokens", "3", "--rate", "20"});
  ASSERT_EQ(outcome.lines().size(), 1u) << outcome.err;
  const nlohmann::json result = outcome.objects()[0];
  EXPECT_EQ(result["batch"], 2);
  EXPECT_EQ(result["new_tokens"], 3);
  EXPECT_GT(result["between_tokens_ms"], 0.0);
  EXPECT_GE(result["streams"][0]["requests"], 1);
}

}  // namespace
}  // namespace lanewise::cli
