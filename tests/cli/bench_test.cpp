#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/cli/letters_model.hpp"
#include "tests/cli/program.hpp"

namespace lanewise::cli {
namespace {

class BenchCommandTest : public ProgramTest {
 protected:
  Outcome bench(std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"bench", model(), "--seconds", "0.05"});
    return run(flags);
  }
};

TEST_F(BenchCommandTest, PrintsTheFieldsInOrder) {
  const Outcome outcome = bench({"--json", "--batch", "3", "--length", "7", "--threads", "2"});
  ASSERT_EQ(outcome.lines().size(), 1u) << outcome.err;
  const auto json = nlohmann::ordered_json::parse(outcome.lines()[0]);
  std::vector<std::string> names;
  for (const auto& [name, value] : json.items()) {
    if (name != "joules_per_run") names.push_back(name);  // not every machine says
  }
  EXPECT_EQ(names, (std::vector<std::string>{"model",
                                             "weights",
                                             "isa",
                                             "threads",
                                             "batch",
                                             "lengths",
                                             "new_tokens",
                                             "load_ms",
                                             "first_run_ms",
                                             "p50_ms",
                                             "p90_ms",
                                             "p99_ms",
                                             "min_ms",
                                             "runs",
                                             "tokens_per_s",
                                             "gflops",
                                             "roofline_gflops",
                                             "roofline_fraction",
                                             "peak_rss_mb",
                                             "allocations_per_run",
                                             "operators",
                                             "p50_low_ms",
                                             "p50_high_ms",
                                             "p99_9_ms",
                                             "warm_up_runs",
                                             "peak_gflops",
                                             "private_mb",
                                             "pss_mb",
                                             "notes"}));
  EXPECT_EQ(json["threads"], 2);
  EXPECT_EQ(json["batch"], 3);
  EXPECT_EQ(json["lengths"], (std::vector<int>{7, 7, 7}));
  EXPECT_EQ(json["new_tokens"], 0);
  EXPECT_EQ(json["allocations_per_run"], 0.0);
  EXPECT_GE(json["runs"], 5);
  EXPECT_LE(json["min_ms"], json["p50_ms"]);
  EXPECT_LE(json["p50_ms"], json["p90_ms"]);
  EXPECT_LE(json["p90_ms"], json["p99_ms"]);
  EXPECT_LE(json["p99_ms"], json["p99_9_ms"]);
  EXPECT_LE(json["p50_low_ms"], json["p50_ms"]);
  EXPECT_GE(json["p50_high_ms"], json["p50_ms"]);
  EXPECT_GE(json["warm_up_runs"], 2);
  EXPECT_GT(json["private_mb"], 0.0);
  EXPECT_TRUE(json["notes"].is_array());
  EXPECT_GT(json["gflops"], 0.0);
  EXPECT_GT(json["roofline_fraction"], 0.0);
  EXPECT_LT(json["roofline_fraction"], 1.5);
  double share = 0.0;
  for (const auto& time : json["operators"]) {
    share += time["share"].get<double>();
    EXPECT_GE(time["peak_fraction"], 0.0);
    EXPECT_LT(time["peak_fraction"], 1.5);
    EXPECT_GT(time["bytes"], 0) << time["op"];
  }
  EXPECT_NEAR(share, 1.0, 0.01);
}

TEST_F(BenchCommandTest, Lengths) {
  const auto lengths = [&](std::vector<std::string> flags) {
    flags.push_back("--json");
    return bench(flags).objects().at(0)["lengths"].get<std::vector<int>>();
  };
  EXPECT_EQ(lengths({}), (std::vector<int>{24}));  // the longest that the model takes
  EXPECT_EQ(lengths({"--lengths", "3,1,24"}), (std::vector<int>{3, 1, 24}));
  EXPECT_EQ(lengths({"--lengths", "3,1", "--batch", "5"}), (std::vector<int>{3, 1, 3, 1, 3}));
  EXPECT_TRUE(is_error(bench({"--length", "25"}), "25", "24"));
}

TEST_F(BenchCommandTest, TableAndTrace) {
  const Outcome outcome = bench({"--trace", out_path("t.json"), "--threads", "2"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_TRUE(converters::has(outcome.out, "latency", "throughput", "linear", "attention"));
  const auto trace = nlohmann::json::parse(contents(out_path("t.json")), nullptr, false);
  ASSERT_TRUE(trace.is_object());
  size_t spans = 0;
  for (const auto& event : trace["traceEvents"]) {
    if (event["ph"] != "X") continue;
    ++spans;
    EXPECT_GE(event["dur"], 0.0);
    EXPECT_FALSE(event["name"].get<std::string>().empty());
  }
  EXPECT_GT(spans, 10u);
}

/// The roofline is measured in the arithmetic of the weights' type.
TEST_F(BenchCommandTest, TheRooflineIsOfTheWeightsType) {
  struct Type {
    const char* name;
    const char* products;
  };
  for (const auto& [name, products] : {Type{"f32", "that FMA alone can do"},
                                       {"bf16", "that products of bf16 alone can do"},
                                       {"int8", "that products of bytes alone can do"}}) {
    const std::string path = out_path("typed.lw");
    ASSERT_EQ(run({"convert", checkpoint(), "-o", path, "--weights", name}).exit_code, 0) << name;
    const Outcome outcome = run({"bench", path, "--seconds", "0.05"});
    EXPECT_NE(outcome.out.find(products), std::string::npos) << outcome.out;
  }
}

TEST_F(BenchCommandTest, MeasuresBesideBusyProcesses) {
  const Outcome outcome = bench({"--json", "--length", "7", "--load", "2"});
  ASSERT_EQ(outcome.lines().size(), 1u) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.lines()[0]);
  EXPECT_EQ(json["load_processes"], 2);
  EXPECT_GE(json["runs"], 5);
  EXPECT_NE(bench({"--length", "7", "--load", "2"}).out.find("2 busy processes"),
            std::string::npos);
}

using BenchLettersTest = LettersTest;

/// Every run computes all tokens of its prompts, though they are the same in all of them.
TEST_F(BenchLettersTest, MeasuresPromptsAndStepsApart) {
  const Outcome outcome = command("bench", {"--seconds", "0.05", "--json", "--length", "40",
                                            "--new-tokens", "6", "--batch", "2"});
  ASSERT_EQ(outcome.lines().size(), 1u) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.lines()[0]);
  ASSERT_TRUE(json.contains("first_token_ms")) << outcome.out;
  const double first_token_s = json["first_token_ms"].get<double>() / 1e3;
  EXPECT_GT(first_token_s, 0.0);
  EXPECT_GT(json["decode_tokens_per_s"], 0.0);
  EXPECT_NEAR(json["prefill_tokens_per_s"].get<double>() * first_token_s, 80.0, 2.0);
  EXPECT_NE(command("bench", {"--seconds", "0.05", "--length", "9", "--new-tokens", "2"})
                .out.find("first token after"),
            std::string::npos);
}

TEST_F(BenchCommandTest, BadInput) {
  EXPECT_TRUE(is_error(bench({"--output", "nonsense"}), "nonsense", "sentence_embedding"));
  EXPECT_TRUE(is_error(bench({"--new-tokens", "4"}), "cannot generate with this model"));
  EXPECT_TRUE(is_error(bench({"--trace", out_path("none/t.json")}), "none"));
  EXPECT_EQ(files_out(), 0);
}

}  // namespace
}  // namespace lanewise::cli
