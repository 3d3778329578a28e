#pragma once

#include <string>
#include <vector>

namespace lanewise::cli {

/// One axis of a plot.
struct Axis {
  bool is_log = false;
  double low = 0.0;
  double high = 1.0;
  std::vector<double> ticks;  ///< ascending, within [low, high]
};

/// From 0 to the first tick that is at least `most`. Ticks are multiples of 1, 2 or 5 times a power
/// of ten, 4 to 6 of them. most >= 0.
Axis linear_axis(double most);

/// Logarithmic, from the last tick that is at most `least` to the first that is at least `most`.
/// Ticks are 1, 2 and 5 times powers of ten, or only powers of ten if the axis has more than three.
/// 0 < least <= most.
Axis log_axis(double least, double most);

/// Logarithmic with these ticks and a little room beside them. At least one value, all > 0.
Axis log_axis_of(std::vector<double> values);

/// Where `value` lies: 0 at `low`, 1 at `high`; clamped.
double place_on(const Axis& axis, double value);

/// `0.05`, `20`, `1.5 k`, `3 M`: three digits at most.
std::string tick_label(double value);

}  // namespace lanewise::cli
