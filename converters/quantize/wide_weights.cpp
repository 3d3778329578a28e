#include "converters/quantize/wide_weights.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "base/status_macros.hpp"

namespace lanewise::converters {
namespace {

std::vector<std::string> worst_first(const std::map<std::string, double>& errors) {
  std::vector<std::pair<double, std::string>> sorted;
  sorted.reserve(errors.size());
  for (const auto& [name, error] : errors) sorted.emplace_back(-error, name);
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::string> names;
  names.reserve(sorted.size());
  for (auto& [error, name] : sorted) names.push_back(std::move(name));
  return names;
}

Status not_reached(double error, double max_error) {
  char text[160];
  std::snprintf(text, sizeof(text),
                "a relative error of %.3g cannot be reached: it is %.3g with all weights as bf16",
                max_error, error);
  return invalid_argument(text);
}

}  // namespace

Result<WideWeights> choose_wide_weights(
    const std::map<std::string, double>& errors, double max_error,
    const std::function<Result<double>(const WideWeights& wide)>& measure) {
  const std::vector<std::string> names = worst_first(errors);
  const auto first = [&](size_t count) {
    return WideWeights(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(count));
  };
  LW_ASSIGN_OR_RETURN(const double narrow, measure({}));
  if (narrow <= max_error) return WideWeights();
  LW_ASSIGN_OR_RETURN(const double wide, measure(first(names.size())));
  if (!(wide <= max_error)) return not_reached(wide, max_error);
  size_t too_few = 0;
  size_t enough = names.size();
  while (enough - too_few > 1) {
    const size_t middle = too_few + (enough - too_few) / 2;
    LW_ASSIGN_OR_RETURN(const double error, measure(first(middle)));
    (error <= max_error ? enough : too_few) = middle;
  }
  return first(enough);
}

}  // namespace lanewise::converters
