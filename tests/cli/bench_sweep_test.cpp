#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cli/bench/sweep.hpp"
#include "tests/cli/program.hpp"

namespace lanewise::cli {
namespace {

using Parts = std::vector<std::string>;
using Numbers = std::vector<int64_t>;

std::string error_of(const Parts& parts) { return parse_sweep(parts).status().message(); }

TEST(BenchSweep, ListsAndRanges) {
  const Parts parts = {"batch=1,8", "length=16..512", "threads=2", "weights=f32,int8", "isa=avx2"};
  const Result<Sweep> sweep = parse_sweep(parts);
  ASSERT_TRUE(sweep.ok()) << sweep.status().message();
  EXPECT_EQ(sweep->batch, (Numbers{1, 8}));
  EXPECT_EQ(sweep->length, (Numbers{16, 32, 64, 128, 256, 512}));
  EXPECT_EQ(sweep->threads, (Numbers{2}));
  EXPECT_EQ(sweep->weights, (Parts{"f32", "int8"}));
  EXPECT_EQ(sweep->isa, (Parts{"avx2"}));
  EXPECT_EQ(combinations(*sweep).size(), 24u);
}

TEST(BenchSweep, ARangeEndsWithItsEnd) {
  const auto lengths = [](const std::string& values) {
    const Parts parts = {"length=" + values};
    return parse_sweep(parts)->length;
  };
  EXPECT_EQ(lengths("10..50"), (Numbers{10, 20, 40, 50}));
  EXPECT_EQ(lengths("7..7"), (Numbers{7}));
  EXPECT_EQ(lengths("3,8..16,1"), (Numbers{3, 8, 16, 1}));
}

TEST(BenchSweep, LengthChangesFastest) {
  const Parts parts = {"length=1,2", "weights=f32,int8"};
  const std::vector<SweepPoint> points = combinations(*parse_sweep(parts));
  ASSERT_EQ(points.size(), 4u);
  EXPECT_EQ(points[1].length, 2);
  EXPECT_EQ(points[1].weights, "f32");
  EXPECT_EQ(points[2].length, 1);
  EXPECT_EQ(points[2].weights, "int8");
  EXPECT_EQ(points[2].batch, 0) << "not given";
  EXPECT_EQ(combinations({}).size(), 1u);
}

TEST(BenchSweep, Errors) {
  for (const char* part :
       {"length", "size=3", "length=", "length=0", "length=x", "length=1..", "length=..4",
        "length=8..4", "weights=", "weights=f32,,int8", "batch=1000001", "batch=-1", "isa"}) {
    EXPECT_TRUE(converters::has(error_of({part}), std::string("'") + part + "'")) << part;
  }
  EXPECT_TRUE(converters::has(error_of({"batch=1", "batch=2"}), "'batch=2'", "twice"));
  EXPECT_TRUE(converters::has(error_of({"batch=1..1000000", "length=1..1000000", "threads=1,2,3"}),
                              "1000 combinations"));
}

class BenchSweepCommandTest : public ProgramTest {
 protected:
  Outcome sweep(std::vector<std::string> values, std::vector<std::string> flags = {},
                const std::string& path = {}) {
    std::vector<std::string> all = {"bench", path.empty() ? model() : path, "--seconds", "0.05"};
    all.insert(all.end(), flags.begin(), flags.end());
    all.push_back("--sweep");
    all.insert(all.end(), values.begin(), values.end());
    return run(all);
  }
};

TEST_F(BenchSweepCommandTest, MeasuresEveryCombination) {
  const Outcome outcome = sweep({"batch=1,3", "length=4..16", "threads=1,2"}, {"--json"});
  ASSERT_EQ(outcome.lines().size(), 12u) << outcome.err;
  const auto results = outcome.objects();
  for (size_t i = 0; i < results.size(); ++i) {
    const nlohmann::json& result = results[i];
    EXPECT_EQ(result["threads"], i < 6 ? 1 : 2);
    EXPECT_EQ(result["batch"], i % 6 < 3 ? 1 : 3);
    EXPECT_EQ(result["lengths"][0], 4 << (i % 3));
    EXPECT_GE(result["runs"], 5);
    EXPECT_GT(result["gflops"], 0.0);
    EXPECT_GT(result["first_run_ms"], 0.0);
    EXPECT_EQ(result["allocations_per_run"], 0.0) << i;
    EXPECT_LE(result["p50_low_ms"], result["p50_ms"]);
    EXPECT_GE(result["p50_high_ms"], result["p50_ms"]);
  }
}

TEST_F(BenchSweepCommandTest, PrintsARowForEach) {
  const Outcome outcome = sweep({"length=4,8"}, {"--csv", out_path("s.csv")});
  ASSERT_EQ(outcome.lines().size(), 3u) << outcome.err;
  EXPECT_TRUE(converters::has(outcome.lines()[0], "median ms", "95 % interval", "p99.9"));
  EXPECT_TRUE(converters::has(outcome.lines()[1], "1x4"));
  const std::string csv = contents(out_path("s.csv"));
  EXPECT_EQ(csv.rfind("model,weights,isa,threads,batch,", 0), 0u);
  std::vector<std::string> rows;
  for (size_t begin = 0, end; (end = csv.find("\r\n", begin)) != std::string::npos;
       begin = end + 2) {
    rows.push_back(csv.substr(begin, end - begin));
  }
  ASSERT_EQ(rows.size(), 3u);
  for (const std::string& row : rows) {
    EXPECT_EQ(std::count(row.begin(), row.end(), ','),
              std::count(rows[0].begin(), rows[0].end(), ','));
  }
}

TEST_F(BenchSweepCommandTest, ConvertsACheckpointToOtherWeights) {
  const Outcome outcome = sweep({"weights=f32,bf16", "length=4"}, {"--json"}, checkpoint());
  ASSERT_EQ(outcome.lines().size(), 2u) << outcome.err;
  EXPECT_EQ(outcome.objects()[0]["weights"], "f32");
  EXPECT_EQ(outcome.objects()[1]["weights"], "bf16");
  EXPECT_TRUE(is_error(sweep({"weights=f32,bf16"}), model(), "f32", "weights=bf16"));
  EXPECT_TRUE(is_error(sweep({"weights=f99"}), "weights=f99", "int8"));
}

TEST_F(BenchSweepCommandTest, InstructionSets) {
  const Outcome outcome = sweep({"isa=baseline", "length=4"}, {"--json"});
  ASSERT_EQ(outcome.lines().size(), 1u) << outcome.err;
  EXPECT_EQ(outcome.objects()[0]["isa"], "baseline");
  EXPECT_TRUE(is_error(sweep({"isa=mmx"}), "mmx"));
}

TEST_F(BenchSweepCommandTest, WrongUsage) {
  EXPECT_TRUE(is_wrong_usage(sweep({"size=3"}), "--sweep", "size=3"));
  EXPECT_TRUE(is_wrong_usage(sweep({"batch=3"}, {"--batch", "2"}), "--batch"));
  EXPECT_TRUE(is_wrong_usage(sweep({"length=3"}, {"--lengths", "2,3"}), "--lengths"));
  EXPECT_TRUE(is_wrong_usage(sweep({"threads=1"}, {"--threads", "2"}), "--threads"));
  EXPECT_TRUE(is_wrong_usage(sweep({"isa=avx2"}, {"--isa", "avx2"}), "--isa"));
  EXPECT_TRUE(is_wrong_usage(sweep({"length=3,4"}, {"--trace", out_path("t.json")}), "--trace"));
  EXPECT_TRUE(is_error(sweep({"length=8,25"}), "25", "24"));
  EXPECT_EQ(files_out(), 0);
}

}  // namespace
}  // namespace lanewise::cli
