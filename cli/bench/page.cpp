#include "cli/bench/page.hpp"

#include <algorithm>
#include <ctime>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "cli/bench/machine.hpp"
#include "cli/bench/notes.hpp"
#include "cli/bench/page_plots.hpp"
#include "cli/bench/plots.hpp"
#include "cli/bench/report.hpp"
#include "lanewise/version.hpp"

namespace lanewise::cli {
namespace {

constexpr std::string_view kBenchPage =
#include "bench_page_html.inc"
    ;
constexpr std::string_view kBodyMark = "<!--BODY-->\n";

std::string header_cells(const std::vector<std::string>& names) {
  std::string html = "<tr>";
  for (size_t i = 0; i < names.size(); ++i) {
    html += fmt::format("<th scope=\"col\"{}>{}</th>", i == 0 ? " class=\"left\"" : "",
                        in_html(names[i]));
  }
  return html + "</tr>\n";
}

std::string row_cells(const std::vector<std::string>& cells) {
  std::string html = "<tr>";
  for (size_t i = 0; i < cells.size(); ++i) {
    html += i == 0 ? fmt::format("<th scope=\"row\">{}</th>", in_html(cells[i]))
                   : fmt::format("<td>{}</td>", in_html(cells[i]));
  }
  return html + "</tr>\n";
}

/// Scrolls sideways by itself, so that the page does not; the keyboard reaches it.
std::string table(std::string_view caption, const std::vector<std::string>& names,
                  const std::vector<std::vector<std::string>>& rows) {
  std::string html = fmt::format(
      "<div class=\"table\" tabindex=\"0\" role=\"region\" aria-label=\"{}\"><table><caption>{}"
      "</caption>\n<thead>{}</thead>\n<tbody>\n",
      in_html(caption), in_html(caption), header_cells(names));
  for (const std::vector<std::string>& row : rows) html += row_cells(row);
  return html + "</tbody></table></div>\n";
}

std::string result_table(std::span<const BenchResult> results) {
  std::vector<std::vector<std::string>> rows;
  for (const BenchResult& result : results) {
    rows.push_back(
        {full_name(result), fmt::format("{:.3f}", result.p50_ms),
         fmt::format("{:.3f} to {:.3f}", result.p50_interval.low, result.p50_interval.high),
         fmt::format("{:.3f}", result.p90_ms), fmt::format("{:.3f}", result.p99_ms),
         fmt::format("{:.3f}", result.p99_9_ms), fmt::format("{:.3f}", result.min_ms),
         fmt::format("{}", result.runs), fmt::format("{:.0f}", result.tokens_per_s),
         fmt::format("{:.1f}", result.gflops),
         fmt::format("{:.0f} %", 100.0 * result.roofline_fraction),
         fmt::format("{:.1f}", result.load_ms), fmt::format("{:.3f}", result.first_run_ms)});
  }
  return table("Results, times in ms",
               {"", "median", "95 % interval", "p90", "p99", "p99.9", "fastest", "runs", "tokens/s",
                "GFLOP/s", "of the roofline", "load", "first run"},
               rows);
}

std::string stream_table(std::span<const BenchResult> results) {
  std::vector<std::vector<std::string>> rows;
  for (const BenchResult& result : results) {
    for (const StreamResult& stream : result.streams) {
      rows.push_back({full_name(result), fmt::format("{:g}", stream.rate),
                      fmt::format("{:.2f}", stream.achieved_rate),
                      fmt::format("{:.0f} %", 100.0 * stream.busy),
                      fmt::format("{:.3f}", stream.p50_ms), fmt::format("{:.3f}", stream.p90_ms),
                      fmt::format("{:.3f}", stream.p99_ms), fmt::format("{:.3f}", stream.p99_9_ms),
                      fmt::format("{:.3f}", stream.max_ms), fmt::format("{}", stream.requests),
                      fmt::format("{}", stream.unfinished)});
    }
  }
  if (rows.empty()) return {};
  return table("Requests at random times, latency from the intended arrival in ms",
               {"", "rate", "achieved", "busy", "p50", "p90", "p99", "p99.9", "slowest", "requests",
                "unfinished"},
               rows);
}

std::string against_table(std::span<const BenchResult> results) {
  std::vector<std::vector<std::string>> rows;
  for (const BenchResult& result : results) {
    if (!result.against) continue;
    const AgainstResult& against = *result.against;
    rows.push_back(
        {full_name(result), last_part_of(against.model), fmt::format("{:.3f}", against.ratio.value),
         fmt::format("{:.3f} to {:.3f}", against.ratio.interval.low, against.ratio.interval.high),
         against.verdict});
  }
  if (rows.empty()) return {};
  return table("Two models in turn: ratio of the medians",
               {"", "against", "ratio", "95 % interval", "verdict"}, rows);
}

std::string operator_tables(std::span<const BenchResult> results) {
  std::string html;
  for (const BenchResult* result : typical(results)) {
    std::vector<std::vector<std::string>> rows;
    for (const OperatorTime& time : result->operators) {
      const bool computes = time.gflops > 0.0;
      rows.push_back(
          {time.op, fmt::format("{:.1f} %", 100.0 * time.share),
           fmt::format("{:.3f}", time.milliseconds),
           computes ? fmt::format("{:.1f}", time.gflops) : "-",
           computes ? fmt::format("{:.0f} %", 100.0 * time.gflops / result->peak_gflops) : "-",
           time.bytes > 0.0 ? fmt::format("{:.2f}", time.bytes / 1e6) : "-"});
    }
    html += table(
        "Operators: " + full_name(*result),
        {"operator", "share of the time", "ms", "GFLOP/s", "of the peak", "MB read and written"},
        rows);
  }
  return html;
}

std::string note_list(std::span<const BenchResult> results) {
  const std::vector<std::string> notes = notes_of_all(results);
  if (notes.empty()) return {};
  std::string html = "<ul class=\"notes\">";
  for (const std::string& note : notes) html += "<li>" + in_html(note) + "</li>";
  return html + "</ul>\n";
}

/// The one result, or the fastest and the slowest.
std::string lead_of(std::span<const BenchResult> results) {
  const auto sentence = [](const BenchResult& result) {
    return fmt::format("{:.3f} ms for {}", result.p50_ms, full_name(result));
  };
  if (results.size() == 1) return "Median " + sentence(results[0]) + ".";
  const auto [least, most] = std::minmax_element(
      results.begin(), results.end(),
      [](const BenchResult& a, const BenchResult& b) { return a.p50_ms < b.p50_ms; });
  return fmt::format("{} combinations: medians from {} to {}.", results.size(), sentence(*least),
                     sentence(*most));
}

std::string title_of(std::span<const BenchResult> results) {
  std::vector<std::string> models;
  for (const BenchResult& result : results) {
    const std::string name = last_part_of(result.model);
    if (std::find(models.begin(), models.end(), name) == models.end()) models.push_back(name);
  }
  std::string title = "Speed of ";
  for (size_t i = 0; i < models.size(); ++i) title += (i > 0 ? " and " : "") + models[i];
  return title;
}

constexpr std::string_view kHowToRead =
    "<h2>How to read this</h2>\n"
    "<p>Times are wall times of whole runs after a warm-up; combinations ran in turn, in short "
    "slices. Intervals of medians have a confidence of 95 %, by a bootstrap over slices. GFLOP/s "
    "count useful operations, a multiply-add as two.</p>\n"
    "<p>The horizontal roof is the rate of multiply-adds in registers on the same threads, "
    "measured "
    "in the same run; the slanted one is the rate at which they read main memory. An operator's "
    "bytes are those of its inputs, outputs and weights. What stays in caches lies above the "
    "slanted "
    "roof.</p>\n";

}  // namespace

std::string bench_page(std::span<const BenchResult> results, std::span<const PageFact> facts) {
  std::string body = fmt::format("<header><h1>{}</h1>\n<p class=\"lead\">{}</p>\n<dl>",
                                 in_html(title_of(results)), in_html(lead_of(results)));
  for (const PageFact& fact : facts) {
    body += fmt::format("<dt>{}</dt><dd>{}</dd>", in_html(fact.name), in_html(fact.value));
  }
  body +=
      "</dl>\n" + note_list(results) + "</header>\n<main>\n<h2>Plots</h2>\n<div id=\"plots\">\n";
  body += page_figures(results);
  body += "</div>\n<h2>Numbers</h2>\n" + result_table(results) + against_table(results) +
          stream_table(results) + operator_tables(results) + std::string(kHowToRead) + "</main>\n";
  const size_t mark = kBenchPage.find(kBodyMark);
  std::string page(kBenchPage.substr(0, mark));
  page += body;
  page += kBenchPage.substr(mark + kBodyMark.size());
  return page;
}

std::vector<PageFact> facts_of_this_run() {
  const std::time_t now = std::time(nullptr);
  struct tm utc = {};
  ::gmtime_r(&now, &utc);
  char text[32] = {};
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &utc);
  return {{"measured", text},
          {"CPU", cpu_name()},
          {"lanewise", fmt::format("{}, compiled by {}", version(), build_info().compiler)}};
}

}  // namespace lanewise::cli
