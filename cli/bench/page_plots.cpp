#include "cli/bench/page_plots.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "cli/bench/plots.hpp"
#include "cli/bench/report.hpp"

namespace lanewise::cli {
namespace {

constexpr size_t kMostSeries = 8;
constexpr size_t kMostRanges = 10;
constexpr size_t kMostTypical = 4;
// Shorter bars say nothing.
constexpr double kSmallestShare = 0.001;

int64_t tokens_of(const BenchResult& result) {
  return std::accumulate(result.lengths.begin(), result.lengths.end(), int64_t{0});
}

/// The length that all sequences have; 0: they differ.
int32_t common_length(const BenchResult& result) {
  const int32_t first = result.lengths.front();
  const bool equal = std::all_of(result.lengths.begin(), result.lengths.end(),
                                 [&](int32_t length) { return length == first; });
  return equal ? first : 0;
}

/// What distinguishes results; a name is made of what differs.
struct Trait {
  std::function<std::string(const BenchResult&)> text;
  bool differs = false;
};

std::string plural(int64_t count, std::string_view word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

enum class Except { kNothing, kLength, kBatch };

/// Names for results without what an axis already shows.
class Namer {
 public:
  Namer(std::span<const BenchResult> results, Except axis) {
    traits_.push_back({[](const BenchResult& r) { return last_part_of(r.model); }});
    traits_.push_back({[](const BenchResult& r) { return r.weights; }});
    traits_.push_back({[](const BenchResult& r) { return r.isa; }});
    traits_.push_back({[](const BenchResult& r) { return plural(r.threads, "thread"); }});
    if (axis == Except::kNothing) {
      traits_.push_back({[](const BenchResult& r) { return describe_batch(r.lengths); }});
    } else if (axis == Except::kLength) {
      traits_.push_back(
          {[](const BenchResult& r) { return fmt::format("batch {}", r.lengths.size()); }});
    } else {
      traits_.push_back({[](const BenchResult& r) { return plural(common_length(r), "token"); }});
    }
    for (Trait& trait : traits_) {
      std::set<std::string> texts;
      for (const BenchResult& result : results) texts.insert(trait.text(result));
      trait.differs = texts.size() > 1;
    }
  }

  std::string name(const BenchResult& result) const {
    std::string name;
    for (const Trait& trait : traits_) {
      if (trait.differs) name += (name.empty() ? "" : ", ") + trait.text(result);
    }
    return name.empty() ? traits_.back().text(result) : name;
  }

 private:
  std::vector<Trait> traits_;
};

/// A series for each name, with a point for each result that `x_of` is above 0 for; those with one
/// point are left out. The first kMostSeries.
struct ChosenSeries {
  std::vector<PlotSeries> series;
  std::string of_all;  ///< ` (8 of 20 series)` for the title; empty: all are there
};

ChosenSeries series_of(std::span<const BenchResult> results, Except axis,
                       const std::function<double(const BenchResult&)>& x_of,
                       const std::function<PlotPoint(const BenchResult&)>& point_of) {
  const Namer namer(results, axis);
  std::vector<PlotSeries> series;
  for (const BenchResult& result : results) {
    if (x_of(result) <= 0.0) continue;
    const std::string name = namer.name(result);
    auto found = std::find_if(series.begin(), series.end(),
                              [&](const PlotSeries& one) { return one.name == name; });
    if (found == series.end()) found = series.insert(series.end(), PlotSeries{name, {}});
    PlotPoint point = point_of(result);
    point.x = x_of(result);
    found->points.push_back(point);
  }
  std::erase_if(series, [](const PlotSeries& one) { return one.points.size() < 2; });
  ChosenSeries chosen;
  if (series.size() > kMostSeries) {
    chosen.of_all = fmt::format(" ({} of {} series)", kMostSeries, series.size());
    series.resize(kMostSeries);
  }
  for (PlotSeries& one : series) {
    std::sort(one.points.begin(), one.points.end(),
              [](const PlotPoint& a, const PlotPoint& b) { return a.x < b.x; });
  }
  chosen.series = std::move(series);
  return chosen;
}

std::vector<double> all_x(const std::vector<PlotSeries>& series) {
  std::vector<double> values;
  for (const PlotSeries& one : series) {
    for (const PlotPoint& point : one.points) values.push_back(point.x);
  }
  return values;
}

std::pair<double, double> range_of_y(const std::vector<PlotSeries>& series) {
  double least = 1e300, most = 0.0;
  for (const PlotSeries& one : series) {
    for (const PlotPoint& point : one.points) {
      least = std::min({least, point.y, point.high > point.low ? point.low : point.y});
      most = std::max({most, point.y, point.high});
    }
  }
  return {least, most};
}

std::string latency_by_length(std::span<const BenchResult> results) {
  auto [series, of_all] = series_of(
      results, Except::kLength,
      [](const BenchResult& result) { return static_cast<double>(common_length(result)); },
      [](const BenchResult& result) {
        return PlotPoint{0.0, result.p50_ms, result.p50_interval.low, result.p50_interval.high};
      });
  if (series.empty()) return {};
  const auto [least, most] = range_of_y(series);
  return line_figure({"Latency by length" + of_all, "tokens of a sequence", "median ms",
                      log_axis_of(all_x(series)), log_axis(least, most), std::move(series)});
}

std::string throughput_by_batch(std::span<const BenchResult> results) {
  auto [series, of_all] = series_of(
      results, Except::kBatch,
      [](const BenchResult& result) {
        return common_length(result) > 0 ? static_cast<double>(result.lengths.size()) : 0.0;
      },
      [](const BenchResult& result) {
        return PlotPoint{0.0, result.tokens_per_s};
      });
  if (series.empty()) return {};
  const double most = range_of_y(series).second;
  return line_figure({"Throughput by batch" + of_all, "sequences of a batch", "tokens per second",
                      log_axis_of(all_x(series)), linear_axis(most), std::move(series)});
}

std::string percentiles(std::span<const BenchResult> results) {
  RangePlot plot{"Percentiles of the latency", "ms", {"median", "p90", "p99", "p99.9"}, {}};
  if (results.size() > kMostRanges) {
    plot.title += fmt::format(" (the first {} of {})", kMostRanges, results.size());
  }
  const Namer namer(results, Except::kNothing);
  for (const BenchResult& result : results.first(std::min(results.size(), kMostRanges))) {
    plot.rows.push_back(
        {namer.name(result), {result.p50_ms, result.p90_ms, result.p99_ms, result.p99_9_ms}});
  }
  return range_figure(plot);
}

std::string latency_by_rate(const BenchResult& result) {
  if (result.streams.size() < 2) return {};
  std::vector<PlotSeries> series{{"median", {}}, {"p90", {}}, {"p99", {}}, {"p99.9", {}}};
  for (const StreamResult& stream : result.streams) {
    const double latencies[] = {stream.p50_ms, stream.p90_ms, stream.p99_ms, stream.p99_9_ms};
    for (size_t i = 0; i < series.size(); ++i) {
      series[i].points.push_back({stream.rate, latencies[i]});
    }
  }
  for (PlotSeries& one : series) {
    std::sort(one.points.begin(), one.points.end(),
              [](const PlotPoint& a, const PlotPoint& b) { return a.x < b.x; });
  }
  const auto [least, most] = range_of_y(series);
  return line_figure({"Latency under load: " + full_name(result), "requests per second", "ms",
                      log_axis_of(all_x(series)), log_axis(least, most), std::move(series)});
}

std::string roofline_of(const BenchResult& result) {
  RooflinePlot plot{"Roofline: " + full_name(result), result.peak_gflops, result.read_gbps, {}};
  for (const OperatorTime& time : result.operators) {
    const double flops = time.gflops * 1e9 * time.milliseconds / 1e3;
    if (flops > 0.0 && time.bytes > 0.0) {
      plot.points.push_back({time.op, flops / time.bytes, time.gflops});
    }
  }
  if (plot.points.empty()) return {};
  if (plot.points.size() > kMostSeries) plot.points.resize(kMostSeries);
  return roofline_figure(plot);
}

std::string shares_of(const BenchResult& result) {
  std::vector<PlotBar> bars;
  for (const OperatorTime& time : result.operators) {
    if (time.share < kSmallestShare && !bars.empty()) break;
    bars.push_back({time.op,
                    fmt::format("{:.1f} %, {:.3f} ms", 100.0 * time.share, time.milliseconds),
                    time.share});
  }
  return bar_figure("Share of operators: " + full_name(result), bars);
}

}  // namespace

std::string last_part_of(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return std::string(path.substr(path.rfind('/') + 1));
}

std::string full_name(const BenchResult& result) {
  std::string name =
      fmt::format("{}, {}, {}, {}, {}", last_part_of(result.model), result.weights, result.isa,
                  plural(result.threads, "thread"), describe_batch(result.lengths));
  if (result.new_tokens > 0) name += fmt::format(", {} new tokens", result.new_tokens);
  return name;
}

std::vector<const BenchResult*> typical(std::span<const BenchResult> results) {
  std::vector<const BenchResult*> chosen;
  for (const BenchResult& result : results) {
    const auto same = std::find_if(chosen.begin(), chosen.end(), [&](const BenchResult* one) {
      return one->model == result.model && one->weights == result.weights;
    });
    if (same == chosen.end()) {
      if (chosen.size() < kMostTypical) chosen.push_back(&result);
      continue;
    }
    const auto size = [](const BenchResult& r) { return std::pair(tokens_of(r), r.threads); };
    if (size(result) > size(**same)) *same = &result;
  }
  return chosen;
}

std::string page_figures(std::span<const BenchResult> results) {
  std::string html = latency_by_length(results) + throughput_by_batch(results);
  html += percentiles(results);
  for (const BenchResult* result : typical(results)) html += latency_by_rate(*result);
  for (const BenchResult* result : typical(results)) {
    html += roofline_of(*result) + shares_of(*result);
  }
  return html;
}

}  // namespace lanewise::cli
