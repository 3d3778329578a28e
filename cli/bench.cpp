#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/bench/compare.hpp"
#include "cli/bench/measure.hpp"
#include "cli/bench/notes.hpp"
#include "cli/bench/options.hpp"
#include "cli/bench/page.hpp"
#include "cli/bench/prepare.hpp"
#include "cli/bench/report.hpp"
#include "cli/bench/start.hpp"
#include "cli/bench/trace.hpp"
#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/lines.hpp"
#include "cli/progress.hpp"
#include "lanewise/files.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

Status write_whole(const std::string& path, const std::string& contents) {
  LANEWISE_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  LANEWISE_RETURN_IF_ERROR(file.write(contents));
  return file.commit();
}

/// A point for each combination and model: MODEL's, then, with --against, the other model's.
Result<std::vector<BenchPoint>> make_points(const BenchOptions& options,
                                            const std::vector<SweepPoint>& combinations,
                                            const Shell& shell, Progress& progress) {
  BenchPreparation preparation(options, shell);
  std::vector<BenchPoint> points;
  for (const SweepPoint& combination : combinations) {
    progress.show(
        [&] { return fmt::format("loading {} of {}", points.size() + 1, combinations.size()); });
    LANEWISE_ASSIGN_OR_RETURN(BenchPoint point, preparation.point(options.model, combination));
    points.push_back(std::move(point));
    if (options.against.empty()) continue;
    LANEWISE_ASSIGN_OR_RETURN(BenchPoint other, preparation.point(options.against, combination));
    points.push_back(std::move(other));
  }
  progress.wipe();
  return points;
}

/// With --against, results alternate between the two models.
void compare_in_pairs(std::vector<BenchPoint>& points) {
  for (size_t i = 0; i + 1 < points.size(); i += 2) {
    BenchResult& one = points[i].result;
    const BenchResult& other = points[i + 1].result;
    const Ratio ratio = ratio_of_medians(one.times, other.times);
    one.against = {other.model, ratio, std::string(verdict_of(ratio))};
  }
}

/// Before anything else opens the file: pages that are mapped stay in the cache.
Result<std::optional<StartTimes>> cold_start(const BenchOptions& options,
                                             const SweepPoint& combination, const Shell& shell) {
  if (!options.cold_start) return std::optional<StartTimes>();
  LANEWISE_ASSIGN_OR_RETURN(
      const StartTimes times, measure_start(options.model, [&]() -> Result<StartTime> {
        BenchPreparation preparation(options, shell);
        LANEWISE_ASSIGN_OR_RETURN(const BenchPoint point,
                                  preparation.point(options.model, combination));
        return StartTime{point.result.load_ms, point.result.first_run_ms};
      }));
  return std::optional<StartTimes>(times);
}

Status print_results(const BenchOptions& options, const std::vector<BenchResult>& results,
                     Shell& shell) {
  for (const std::string& note : notes_of_all(results)) shell.note(note);
  if (!options.csv.empty()) LANEWISE_RETURN_IF_ERROR(write_whole(options.csv, bench_csv(results)));
  if (!options.report.empty()) {
    LANEWISE_RETURN_IF_ERROR(write_whole(options.report, bench_page(results, facts_of_this_run())));
  }
  if (options.json) {
    for (const BenchResult& result : results) {
      LANEWISE_RETURN_IF_ERROR(shell.out.write(bench_json(result)));
    }
    return {};
  }
  return shell.out.write(options.sweep.empty() && results.size() == 1 ? bench_table(results[0])
                                                                      : bench_rows(results));
}

Status compare_files(const BenchOptions& options, Shell& shell) {
  LANEWISE_ASSIGN_OR_RETURN(const std::string first, LineReader::read_all(options.compare[0]));
  LANEWISE_ASSIGN_OR_RETURN(const std::string second, LineReader::read_all(options.compare[1]));
  LANEWISE_ASSIGN_OR_RETURN(const Comparisons comparisons,
                            compare_results(first, options.compare[0], second, options.compare[1]));
  shell.note(
      "saved runs met different conditions: `lanewise bench A --against B` runs both in turn");
  return shell.out.write(options.json ? comparison_json(comparisons)
                                      : comparison_table(comparisons));
}

void check_usage(const BenchOptions& options) {
  const bool compares = !options.compare.empty();
  if (compares && !options.model.empty()) wrong_usage("--compare reads files: leave out MODEL");
  if (!compares && options.model.empty()) wrong_usage("MODEL is required");
}

Status measure_models(const BenchOptions& options, Shell& shell) {
  const std::vector<SweepPoint> combinations = options.points(shell);
  catch_interrupts();
  for (const std::string& path : {options.trace, options.csv, options.report}) {
    if (!path.empty()) LANEWISE_RETURN_IF_ERROR(check_writable(path));
  }
  Progress progress(shell);
  LANEWISE_ASSIGN_OR_RETURN(const std::optional<StartTimes> start,
                            cold_start(options, combinations.front(), shell));
  LANEWISE_ASSIGN_OR_RETURN(std::vector<BenchPoint> points,
                            make_points(options, combinations, shell, progress));
  LANEWISE_RETURN_IF_ERROR(measure(points,
                                   {.seconds = options.seconds,
                                    .load = options.load,
                                    .rates = options.rates,
                                    .with_read_rate = !options.report.empty()},
                                   progress));
  if (!options.against.empty()) compare_in_pairs(points);
  points.front().result.start = start;
  if (!options.trace.empty()) {
    LANEWISE_RETURN_IF_ERROR(
        write_whole(options.trace, chrome_trace(points.front().result.profile)));
  }
  std::vector<BenchResult> results;
  results.reserve(points.size());
  for (BenchPoint& point : points) results.push_back(std::move(point.result));
  return print_results(options, results, shell);
}

}  // namespace

Command make_bench(CLI::App& program, Shell& shell) {
  CLI::App* command = add_command(program, shell, "bench", "Measure the speed of a model");
  const auto options = std::make_shared<BenchOptions>();
  add_model(*command, options->model)->required(false);
  options->add_to(*command);
  command->footer(
      "Runs the model on seeded random ids, or on the texts of --input: a first run, a warm-up\n"
      "until times are steady, runs for S seconds, and a few more that time each node. load_ms\n"
      "ends when the session is ready. GFLOP/s are the useful operations of the median run. The\n"
      "roofline is the rate of multiply-adds in registers on the same threads. The interval of "
      "the\n"
      "median has a confidence of 95 %. Latencies of --rate count from the intended arrival.\n"
      "docs/performance.md explains how it measures.\n\n"
      "  lanewise bench minilm.lw --batch 8 --length 128 --threads 2\n"
      "  lanewise bench minilm/ --sweep length=16..512 weights=f32,int8 --report minilm.html\n"
      "  lanewise bench new.lw --against old.lw");
  return {command, [options, &shell] {
            check_usage(*options);
            return options->compare.empty() ? measure_models(*options, shell)
                                            : compare_files(*options, shell);
          }};
}

}  // namespace lanewise::cli
