#include "cli/bench/scale.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

namespace lanewise::cli {
namespace {

constexpr double kStepDigits[] = {1.0, 2.0, 5.0, 10.0};
constexpr double kMostTicks = 6.0;
constexpr double kMostDecadesOfThreeTicks = 3.0;
// Of the decades between the outermost values, or a third of one.
constexpr double kRoomBeside = 0.06;
// Decimal steps are not exact in binary.
constexpr double kNearlyEqual = 1e-9;

double step_for(double most) {
  const double power = std::pow(10.0, std::floor(std::log10(most / kMostTicks)));
  for (const double digit : kStepDigits) {
    if (most / (digit * power) <= kMostTicks) return digit * power;
  }
  return 10.0 * power;
}

}  // namespace

Axis linear_axis(double most) {
  Axis axis;
  const double step = step_for(most > 0.0 ? most : 1.0);
  const double count = std::ceil((most > 0.0 ? most : 1.0) / step - kNearlyEqual);
  for (int i = 0; i <= static_cast<int>(count); ++i) axis.ticks.push_back(i * step);
  axis.high = axis.ticks.back();
  return axis;
}

Axis log_axis(double least, double most) {
  Axis axis{.is_log = true};
  const bool few = std::log10(most / least) > kMostDecadesOfThreeTicks;
  std::vector<double> candidates;
  for (int power = static_cast<int>(std::floor(std::log10(least))) - 1;
       power <= static_cast<int>(std::ceil(std::log10(most))) + 1; ++power) {
    const double decade = std::pow(10.0, power);
    candidates.push_back(decade);
    if (few) continue;
    candidates.push_back(2.0 * decade);
    candidates.push_back(5.0 * decade);
  }
  const auto above = [](double limit) { return [limit](double tick) { return tick > limit; }; };
  const auto first =
      std::find_if(candidates.begin(), candidates.end(), above(least * (1.0 + kNearlyEqual))) - 1;
  const auto last = std::find_if(first, candidates.end(), above(most * (1.0 - kNearlyEqual)));
  axis.ticks.assign(first, std::next(last == first ? last + 1 : last));
  axis.low = axis.ticks.front();
  axis.high = axis.ticks.back();
  return axis;
}

Axis log_axis_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  const double decades = std::log10(values.back() / values.front());
  const double room = std::pow(10.0, decades > 0.0 ? kRoomBeside * decades : kRoomBeside);
  return {true, values.front() / room, values.back() * room, std::move(values)};
}

double place_on(const Axis& axis, double value) {
  if (axis.is_log && value <= 0.0) return 0.0;
  const double part = axis.is_log ? std::log(value / axis.low) / std::log(axis.high / axis.low)
                                  : (value - axis.low) / (axis.high - axis.low);
  return std::clamp(part, 0.0, 1.0);
}

std::string tick_label(double value) {
  if (value >= 999.5e6) return fmt::format("{:.3g} G", value / 1e9);
  if (value >= 999.5e3) return fmt::format("{:.3g} M", value / 1e6);
  if (value >= 999.5) return fmt::format("{:.3g} k", value / 1e3);
  return fmt::format("{:.3g}", value);
}

}  // namespace lanewise::cli
