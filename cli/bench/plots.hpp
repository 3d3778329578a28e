#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/bench/scale.hpp"

/// Plots as inline SVG. Each has a title and a description for those who do not see it; colours come
/// from the page's style sheet, and shapes of markers and dashes of lines repeat what they say.

namespace lanewise::cli {

/// Makes `text` safe in HTML and in attributes.
std::string in_html(std::string_view text);

struct PlotPoint {
  double x = 0.0;
  double y = 0.0;
  double low = 0.0;  ///< of the interval of y; equal to high: none
  double high = 0.0;
};

struct PlotSeries {
  std::string name;
  std::vector<PlotPoint> points;
};

/// A plot of lines through points.
struct LinePlot {
  std::string title;
  std::string x_label;
  std::string y_label;
  Axis x;
  Axis y;
  std::vector<PlotSeries> series;  ///< 8 at most
};

/// A figure with its title, and a legend if there are several series.
std::string line_figure(const LinePlot& plot);

/// Percentiles of one row, ascending, one for each name in RangePlot::names.
struct PlotRange {
  std::string name;
  std::vector<double> values;
};

struct RangePlot {
  std::string title;
  std::string x_label;
  std::vector<std::string> names;  ///< 8 at most
  std::vector<PlotRange> rows;
};

std::string range_figure(const RangePlot& plot);

/// A bar with what is said of it.
struct PlotBar {
  std::string name;
  std::string value;
  double part = 0.0;  ///< of the longest possible bar
};

std::string bar_figure(std::string_view title, std::span<const PlotBar> bars);

struct LabelledPoint {
  std::string name;
  double x = 0.0;
  double y = 0.0;
};

/// The limits of a machine, and what reaches which part of them.
struct RooflinePlot {
  std::string title;
  double peak_gflops = 0.0;
  double read_gbps = 0.0;             ///< 0: unknown, then only the peak is drawn
  std::vector<LabelledPoint> points;  ///< x in operations a byte, y in GFLOP/s; both > 0
};

std::string roofline_figure(const RooflinePlot& plot);

}  // namespace lanewise::cli
