#include "cli/bench/sweep.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

#include <fmt/format.h>

#include "lanewise/messages.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

constexpr int64_t kMostNumber = 1'000'000;
// A day of one and a half minutes each.
constexpr size_t kMostCombinations = 1000;

Result<int64_t> parse_number(std::string_view text, std::string_view part) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && number >= 1 &&
      number <= kMostNumber) {
    return number;
  }
  return invalid_argument(fmt::format("{}: expected whole numbers from 1 to {}, got {}",
                                      in_quotes(part), kMostNumber, in_quotes(text)));
}

Status add_range(std::string_view text, std::string_view part, std::vector<int64_t>& numbers) {
  const size_t dots = text.find("..");
  LANEWISE_ASSIGN_OR_RETURN(const int64_t first, parse_number(text.substr(0, dots), part));
  if (dots == std::string_view::npos) {
    numbers.push_back(first);
    return {};
  }
  LANEWISE_ASSIGN_OR_RETURN(const int64_t last, parse_number(text.substr(dots + 2), part));
  if (last < first) {
    return invalid_argument(fmt::format("{}: {} is below {}", in_quotes(part), last, first));
  }
  for (int64_t number = first; number < last; number *= 2) numbers.push_back(number);
  numbers.push_back(last);
  return {};
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> values;
  for (;;) {
    const size_t comma = text.find(',');
    values.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return values;
    text.remove_prefix(comma + 1);
  }
}

/// The list that `name` fills; none for an unknown name.
std::vector<int64_t>* numbers_named(Sweep& sweep, std::string_view name) {
  if (name == "batch") return &sweep.batch;
  if (name == "length") return &sweep.length;
  if (name == "threads") return &sweep.threads;
  return nullptr;
}

std::vector<std::string>* names_named(Sweep& sweep, std::string_view name) {
  if (name == "weights") return &sweep.weights;
  if (name == "isa") return &sweep.isa;
  return nullptr;
}

Status add_part(std::string_view part, Sweep& sweep) {
  const size_t equals = part.find('=');
  const std::string_view name = part.substr(0, equals);
  std::vector<int64_t>* numbers = numbers_named(sweep, name);
  std::vector<std::string>* names = names_named(sweep, name);
  if (equals == std::string_view::npos || (numbers == nullptr && names == nullptr)) {
    return invalid_argument(fmt::format(
        "{}: expected batch=, length=, threads=, weights= or isa= and values", in_quotes(part)));
  }
  if (numbers != nullptr ? !numbers->empty() : !names->empty()) {
    return invalid_argument(fmt::format("{}: {} is given twice", in_quotes(part), name));
  }
  for (const std::string_view value : split(part.substr(equals + 1))) {
    if (numbers != nullptr) {
      LANEWISE_RETURN_IF_ERROR(add_range(value, part, *numbers));
    } else if (value.empty()) {
      return invalid_argument(fmt::format("{}: a value is empty", in_quotes(part)));
    } else {
      names->emplace_back(value);
    }
  }
  return {};
}

/// `values`, or one that stands for none.
template <typename T>
std::vector<T> or_default(const std::vector<T>& values) {
  return values.empty() ? std::vector<T>(1) : values;
}

}  // namespace

Result<Sweep> parse_sweep(std::span<const std::string> parts) {
  Sweep sweep;
  for (const std::string& part : parts) LANEWISE_RETURN_IF_ERROR(add_part(part, sweep));
  size_t count = 1;
  for (const size_t values : {sweep.weights.size(), sweep.isa.size(), sweep.threads.size(),
                              sweep.batch.size(), sweep.length.size()}) {
    count *= std::max<size_t>(values, 1);
    if (count <= kMostCombinations) continue;
    return invalid_argument(fmt::format("more than {} combinations", kMostCombinations));
  }
  return sweep;
}

std::vector<SweepPoint> combinations(const Sweep& sweep) {
  std::vector<SweepPoint> points;
  for (const std::string& weights : or_default(sweep.weights)) {
    for (const std::string& isa : or_default(sweep.isa)) {
      for (const int64_t threads : or_default(sweep.threads)) {
        for (const int64_t batch : or_default(sweep.batch)) {
          for (const int64_t length : or_default(sweep.length)) {
            points.push_back({weights, isa, static_cast<int>(threads), batch, length});
          }
        }
      }
    }
  }
  return points;
}

}  // namespace lanewise::cli
