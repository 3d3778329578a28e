#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "cli/bench/scale.hpp"

/// The parts of which plots are made.

namespace lanewise::cli {

// Units of the drawing. The page shows it 340 to 560 pixels wide, so letters of 13 units stay
// legible on a telephone.
inline constexpr double kPlotWidth = 420.0;
inline constexpr double kPlotHeight = 290.0;
inline constexpr double kPlotLeft = 56.0;
inline constexpr double kPlotRight = 16.0;
inline constexpr double kPlotTop = 14.0;
inline constexpr double kPlotBottom = 46.0;
// What a digit and a letter take at this size.
inline constexpr double kLetterWidth = 7.0;
inline constexpr double kLetterHeight = 13.0;
// The style sheet has as many colours and dashes, and marker() as many shapes.
inline constexpr size_t kPlotStyles = 8;

/// The rectangle in which a plot draws.
struct PlotArea {
  double left = kPlotLeft;
  double right = kPlotWidth - kPlotRight;
  double top = kPlotTop;
  double bottom = kPlotHeight - kPlotBottom;

  double x(const Axis& axis, double value) const {
    return left + (right - left) * place_on(axis, value);
  }
  double y(const Axis& axis, double value) const {
    return bottom - (bottom - top) * place_on(axis, value);
  }
};

/// A marker of the shape that belongs to a series, around (x, y).
std::string marker(size_t series, double x, double y);

/// The begin of a drawing; figure() ends it.
std::string svg_begin(double height, std::string_view title, std::string_view description);

/// A drawing with its title, and what stands below.
std::string figure(std::string_view title, std::string_view svg, std::string_view below = {});

/// anchor  start, middle or end
/// style   of the style sheet: t numbers, l labels of axes, p names
std::string text_at(double x, double y, std::string_view anchor, std::string_view text,
                    std::string_view style = "t");

/// Lines across, with their numbers at the left.
std::string y_grid(const PlotArea& area, const Axis& axis, std::string_view label);

/// Lines down, with their numbers below, as many as there is room for.
std::string x_grid(const PlotArea& area, const Axis& axis, std::string_view label);

/// A list of names with their markers.
std::string legend(const std::vector<std::string>& names, bool with_lines);

}  // namespace lanewise::cli
