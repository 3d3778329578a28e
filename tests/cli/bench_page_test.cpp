#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cli/bench/plots.hpp"
#include "cli/bench/scale.hpp"
#include "tests/cli/program.hpp"

namespace lanewise::cli {
namespace {

TEST(BenchScale, LinearAxesBeginAtZero) {
  for (const double most : {0.003, 1.0, 7.3, 99.0, 101.0, 1234567.0}) {
    const Axis axis = linear_axis(most);
    EXPECT_EQ(axis.low, 0.0);
    EXPECT_GE(axis.high, most * (1 - 1e-9)) << most;
    EXPECT_LE(axis.high, 2.5 * most) << most;
    EXPECT_GE(axis.ticks.size(), 4u) << most;
    EXPECT_LE(axis.ticks.size(), 8u) << most;
    EXPECT_TRUE(std::is_sorted(axis.ticks.begin(), axis.ticks.end()));
  }
  EXPECT_GT(linear_axis(0.0).high, 0.0);
}

TEST(BenchScale, LogarithmicAxesContainTheirValues) {
  struct Range {
    double least, most;
  };
  for (const auto& [least, most] :
       {Range{1, 10}, {0.3, 0.3}, {2, 5}, {0.011, 940}, {1e-3, 1e6}, {5, 5.1}, {100, 100}}) {
    const Axis axis = log_axis(least, most);
    EXPECT_LE(axis.low, least * (1 + 1e-6)) << least;
    EXPECT_GE(axis.high, most * (1 - 1e-6)) << most;
    EXPECT_LT(axis.low, axis.high) << least;
    EXPECT_GE(axis.ticks.size(), 2u);
    EXPECT_LE(axis.ticks.size(), 12u) << least << " to " << most;
  }
  EXPECT_EQ(tick_label(log_axis(0.3, 8).low), "0.2");
}

TEST(BenchScale, Places) {
  const Axis axis = log_axis(1, 100);
  EXPECT_DOUBLE_EQ(place_on(axis, 1), 0.0);
  EXPECT_NEAR(place_on(axis, 10), 0.5, 1e-9);
  EXPECT_DOUBLE_EQ(place_on(axis, 1e9), 1.0);
  EXPECT_DOUBLE_EQ(place_on(axis, 0), 0.0);
  EXPECT_NEAR(place_on(linear_axis(10), 2.5), 0.25, 1e-9);
  const Axis lengths = log_axis_of({512, 16, 64, 16});
  EXPECT_EQ(lengths.ticks, (std::vector<double>{16, 64, 512}));
  EXPECT_GT(place_on(lengths, 16), 0.0);
  EXPECT_LT(place_on(lengths, 512), 1.0);
  EXPECT_NEAR(place_on(log_axis_of({8}), 8), 0.5, 1e-9);
}

TEST(BenchScale, Labels) {
  EXPECT_EQ(tick_label(0.05), "0.05");
  EXPECT_EQ(tick_label(0), "0");
  EXPECT_EQ(tick_label(20), "20");
  EXPECT_EQ(tick_label(1500), "1.5 k");
  EXPECT_EQ(tick_label(3e6), "3 M");
  EXPECT_EQ(tick_label(2e9), "2 G");
}

TEST(BenchPlots, TextsAreSafe) {
  EXPECT_EQ(in_html("a<b> & \"c\"\n"), "a&lt;b&gt; &amp; &quot;c&quot; ");
  const LinePlot plot{
      "<script>", "x", "y", log_axis(1, 10), linear_axis(5), {{"</svg>", {{1, 2}}}}};
  const std::string figure = line_figure(plot);
  EXPECT_EQ(figure.find("<script>"), std::string::npos);
  EXPECT_EQ(figure.find("</svg></svg>"), std::string::npos);
}

TEST(BenchPlots, SayInWordsWhatTheyShow) {
  const std::string lines =
      line_figure({"Latency",
                   "tokens",
                   "ms",
                   log_axis_of({16, 32}),
                   linear_axis(5),
                   {{"f32", {{16, 1}, {32, 2}}}, {"int8", {{16, 0.5}, {32, 1.2, 1.1, 1.3}}}}});
  EXPECT_TRUE(converters::has(lines, "<title>Latency</title>", "f32: 1 at 16, 2 at 32.",
                              "class=\"legend\"", "class=\"c s1\"", "class=\"i s1\""));
  const std::string ranges = range_figure(
      {"Percentiles", "ms", {"median", "p99"}, {{"1 x 16", {1, 3}}, {"1 x 32", {2, 30}}}});
  EXPECT_TRUE(converters::has(ranges, "1 x 32: median 2, p99 30."));
  const std::vector<PlotBar> bars = {{"linear", "90 %", 0.9}, {"pool", "10 %", 0.1}};
  EXPECT_TRUE(converters::has(bar_figure("Shares", bars), "linear 90 %."));
  const std::string roofline =
      roofline_figure({"Roofline", 100, 20, {{"linear", 40, 90}, {"attention", 41, 88}}});
  EXPECT_TRUE(converters::has(roofline, "linear: 90 GFLOP/s at 40 operations a byte",
                              "class=\"roof\"", ">attention</text>"));
}

using BenchReportTest = ProgramTest;

TEST_F(BenchReportTest, WritesOnePageThatLoadsNothing) {
  const std::string path = out_path("r.html");
  const Outcome outcome = run({"bench", model(), "--sweep", "length=4,16", "batch=1,2", "--seconds",
                               "0.05", "--rate", "20,40", "--report", path, "--quiet"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const std::string page = contents(path);
  EXPECT_TRUE(converters::has(page, "<!DOCTYPE html>", "prefers-color-scheme: dark", "@media print",
                              "Latency by length", "Throughput by batch",
                              "Percentiles of the latency", "Roofline: ", "Share of operators: ",
                              "Latency under load", ">attention</text>", "<caption>Results"));
  for (const char* part :
       {"http://", "https://", "<script", "src=", "url(", "@import", "<!--BODY"}) {
    EXPECT_EQ(page.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(page.find(source_.parent_path().string()), std::string::npos) << "paths are private";
  const auto count = [&](const std::string& part) {
    size_t found = 0;
    for (size_t at = 0; (at = page.find(part, at)) != std::string::npos; at += part.size()) ++found;
    return found;
  };
  EXPECT_EQ(count("role=\"img\""), count("<desc>"));
  EXPECT_EQ(count("<figure>"), count("</figure>"));
  EXPECT_EQ(count("<svg"), count("</svg>"));
  EXPECT_EQ(count("<tr>"), count("</tr>"));
}

TEST_F(BenchReportTest, ASingleResultHasNoLinesToDraw) {
  const std::string path = out_path("one.html");
  ASSERT_EQ(run({"bench", model(), "--seconds", "0.05", "--report", path}).exit_code, 0);
  const std::string page = contents(path);
  EXPECT_EQ(page.find("Latency by length"), std::string::npos);
  EXPECT_TRUE(converters::has(page, "Percentiles of the latency", "Roofline: "));
  EXPECT_TRUE(is_error(run({"bench", model(), "--report", out_path("none/r.html")}), "none"));
}

}  // namespace
}  // namespace lanewise::cli
