#include "cli/bench/notes.hpp"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

namespace lanewise::cli {
namespace {

// A median this uncertain does not tell 5 % apart.
constexpr double kWideInterval = 0.05;
// What stays in the page cache although it should not: some pages always do.
constexpr double kKeptPages = 0.05;

bool is_uncertain(const BenchResult& result) {
  return result.p50_interval.high - result.p50_interval.low > kWideInterval * result.p50_ms;
}

bool was_unsteady(const BenchResult& result) { return !result.warm_up_was_steady; }

void add_once(const std::string& note, std::vector<std::string>& notes) {
  if (std::find(notes.begin(), notes.end(), note) == notes.end()) notes.push_back(note);
}

/// What was noted while it was measured, and about its start.
void add_facts(const BenchResult& result, std::vector<std::string>& notes) {
  for (const std::string& note : result.machine_notes) add_once(note, notes);
  if (!result.start || result.start->kept_in_cache < kKeptPages) return;
  add_once(
      fmt::format("cold start: the file system kept {:.0f} % of the file in memory, although it "
                  "was told to drop it",
                  100.0 * result.start->kept_in_cache),
      notes);
}

}  // namespace

std::vector<std::string> notes_of(const BenchResult& result) {
  std::vector<std::string> notes;
  add_facts(result, notes);
  if (was_unsteady(result)) {
    notes.push_back(
        fmt::format("times were still changing after {} runs of warm-up", result.warm_up_runs));
  }
  if (is_uncertain(result)) {
    notes.push_back(
        fmt::format("the median is uncertain, {:.3f} to {:.3f} ms: longer --seconds or a quieter "
                    "machine narrows it",
                    result.p50_interval.low, result.p50_interval.high));
  }
  return notes;
}

std::vector<std::string> notes_of_all(std::span<const BenchResult> results) {
  if (results.size() == 1) return notes_of(results[0]);
  std::vector<std::string> notes;
  for (const BenchResult& result : results) add_facts(result, notes);
  const auto unsteady = std::count_if(results.begin(), results.end(), was_unsteady);
  if (unsteady > 0) {
    notes.push_back(
        fmt::format("{} of {} were still changing after their warm-up", unsteady, results.size()));
  }
  const auto uncertain = std::count_if(results.begin(), results.end(), is_uncertain);
  if (uncertain > 0) {
    notes.push_back(
        fmt::format("{} of {} medians are uncertain by more than {:.0f} %: longer --seconds or a "
                    "quieter machine narrows their intervals",
                    uncertain, results.size(), 100.0 * kWideInterval));
  }
  return notes;
}

}  // namespace lanewise::cli
