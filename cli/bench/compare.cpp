#include "cli/bench/compare.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lanewise/messages.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

constexpr double kSmallestDifference = 0.01;

/// A result that was saved.
struct SavedResult {
  std::string model;
  std::string work;
  double p50_ms = 0.0;
  Interval interval;
};

/// The number of a field above 0.
std::optional<double> positive(const nlohmann::json& json, const char* field) {
  const auto found = json.find(field);
  if (found == json.end() || !found->is_number() || found->get<double>() <= 0.0) return {};
  return found->get<double>();
}

std::string text_of(const nlohmann::json& json, const char* field) {
  const auto found = json.find(field);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

int64_t count_of(const nlohmann::json& json, const char* field) {
  const auto found = json.find(field);
  return found != json.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}

/// `8 x 128 tokens` or `3 sequences of 5 to 128 tokens, 200 in all`.
std::string batch_of(const nlohmann::json& json) {
  int64_t least = INT64_MAX, most = 0, all = 0, count = 0;
  const auto lengths = json.find("lengths");
  if (lengths == json.end() || !lengths->is_array()) return "";
  for (const nlohmann::json& length : *lengths) {
    const int64_t tokens = length.is_number_integer() ? length.get<int64_t>() : 0;
    least = std::min(least, tokens);
    most = std::max(most, tokens);
    all += tokens;
    ++count;
  }
  if (least >= most) return fmt::format("{} x {} tokens", count, most);
  return fmt::format("{} sequences of {} to {} tokens, {} in all", count, least, most, all);
}

std::string describe_work(const nlohmann::json& json) {
  const int64_t threads = count_of(json, "threads");
  std::string work =
      fmt::format("{}, {} {}, {}, {}", batch_of(json), threads, threads == 1 ? "thread" : "threads",
                  text_of(json, "isa"), text_of(json, "weights"));
  if (const int64_t tokens = count_of(json, "new_tokens"); tokens > 0) {
    work += fmt::format(", {} new tokens", tokens);
    if (const int64_t beams = count_of(json, "beams"); beams > 1) {
      work += fmt::format(", {} beams", beams);
    }
  }
  return work;
}

Result<SavedResult> parse_result(std::string_view line) {
  const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object()) return invalid_argument("expected an object of `bench --json`");
  const auto p50 = positive(json, "p50_ms");
  const auto low = positive(json, "p50_low_ms");
  const auto high = positive(json, "p50_high_ms");
  if (!p50 || !low || !high) {
    return invalid_argument("expected p50_ms, p50_low_ms and p50_high_ms, numbers above 0");
  }
  return SavedResult{text_of(json, "model"), describe_work(json), *p50, {*low, *high}};
}

Result<std::vector<SavedResult>> parse_results(std::string_view text, std::string_view name) {
  std::vector<SavedResult> results;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    Result<SavedResult> result = parse_result(line);
    if (!result.ok()) {
      return result.status().with_context(fmt::format("{}: line {}", in_quotes(name), number));
    }
    results.push_back(std::move(*result));
  }
  if (results.empty()) return invalid_argument(in_quotes(name) + " has no results");
  return results;
}

Comparison compare_two(const SavedResult& first, const SavedResult& second) {
  Comparison comparison{first.work,   first.model,   second.model,
                        first.p50_ms, second.p50_ms, {first.p50_ms / second.p50_ms, {}}};
  if (first.work != second.work) comparison.work += " against " + second.work;
  comparison.ratio.interval = {first.interval.low / second.interval.high,
                               first.interval.high / second.interval.low};
  return comparison;
}

}  // namespace

std::string_view verdict_of(const Ratio& ratio) {
  if (ratio.interval.high < 1.0 - kSmallestDifference) return "faster";
  if (ratio.interval.low > 1.0 + kSmallestDifference) return "slower";
  return "no difference";
}

Result<Comparisons> compare_results(std::string_view first, std::string_view first_name,
                                    std::string_view second, std::string_view second_name) {
  LANEWISE_ASSIGN_OR_RETURN(const std::vector<SavedResult> firsts,
                            parse_results(first, first_name));
  LANEWISE_ASSIGN_OR_RETURN(std::vector<SavedResult> seconds, parse_results(second, second_name));
  Comparisons all;
  if (firsts.size() == 1 && seconds.size() == 1) {
    all.pairs.push_back(compare_two(firsts[0], seconds[0]));
    return all;
  }
  for (const SavedResult& one : firsts) {
    const auto other = std::find_if(seconds.begin(), seconds.end(), [&](const SavedResult& result) {
      return result.work == one.work;
    });
    if (other == seconds.end()) {
      ++all.unmatched;
      continue;
    }
    all.pairs.push_back(compare_two(one, *other));
    seconds.erase(other);
  }
  all.unmatched += seconds.size();
  if (!all.pairs.empty()) return all;
  return invalid_argument(fmt::format("{} and {} have no work in common", in_quotes(first_name),
                                      in_quotes(second_name)));
}

}  // namespace lanewise::cli
