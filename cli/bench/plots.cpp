#include "cli/bench/plots.hpp"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

#include "cli/bench/svg.hpp"

namespace lanewise::cli {
namespace {

constexpr double kRowHeight = 40.0;
constexpr double kBarRowHeight = 40.0;

std::string line_of(const PlotArea& area, const LinePlot& plot, size_t index) {
  std::string path;
  std::string marks;
  for (const PlotPoint& point : plot.series[index].points) {
    const double x = area.x(plot.x, point.x);
    const double y = area.y(plot.y, point.y);
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x, y);
    if (point.high > point.low) {
      marks +=
          fmt::format("<path class=\"i s{}\" d=\"M{:.1f} {:.1f}V{:.1f}\"/>", index % kPlotStyles, x,
                      area.y(plot.y, point.low), area.y(plot.y, point.high));
    }
    marks += marker(index, x, y);
  }
  return fmt::format("<path class=\"c s{}\" d=\"{}\"/>{}\n", index % kPlotStyles, path, marks);
}

/// `f32: 16 1.5, 32 2.9; int8: ...`, for those who hear the plot.
std::string spoken(const LinePlot& plot) {
  std::string text = fmt::format("{} against {}.", plot.y_label, plot.x_label);
  for (const PlotSeries& series : plot.series) {
    text += fmt::format(" {}:", series.name);
    for (const PlotPoint& point : series.points) {
      text += fmt::format(" {} at {},", tick_label(point.y), tick_label(point.x));
    }
    text.back() = '.';
  }
  return text;
}

}  // namespace

std::string line_figure(const LinePlot& plot) {
  const PlotArea area;
  std::string svg = svg_begin(kPlotHeight, plot.title, spoken(plot));
  svg += y_grid(area, plot.y, plot.y_label) + x_grid(area, plot.x, plot.x_label);
  std::vector<std::string> names;
  for (size_t i = 0; i < plot.series.size(); ++i) {
    svg += line_of(area, plot, i);
    names.push_back(plot.series[i].name);
  }
  return figure(plot.title, svg, names.size() > 1 ? legend(names, true) : std::string());
}

std::string range_figure(const RangePlot& plot) {
  PlotArea area;
  area.left = 14;
  area.bottom = area.top + kRowHeight * static_cast<double>(plot.rows.size());
  double least = 1e300, most = 0.0;
  std::string description = plot.x_label + ".";
  for (const PlotRange& row : plot.rows) {
    least = std::min(least, row.values.front());
    most = std::max(most, row.values.back());
    description += fmt::format(" {}:", row.name);
    for (size_t i = 0; i < row.values.size(); ++i) {
      description += fmt::format(" {} {},", plot.names[i], tick_label(row.values[i]));
    }
    description.back() = '.';
  }
  const Axis axis = log_axis(least, most);
  std::string svg = svg_begin(area.bottom + kPlotBottom, plot.title, description);
  svg += x_grid(area, axis, plot.x_label);
  for (size_t i = 0; i < plot.rows.size(); ++i) {
    const PlotRange& row = plot.rows[i];
    const double y = area.top + kRowHeight * (static_cast<double>(i) + 0.72);
    svg += text_at(area.left + 2, y - 12, "start", row.name, "p");
    svg += fmt::format("<path class=\"range\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>",
                       area.x(axis, row.values.front()), y, area.x(axis, row.values.back()));
    // From the outside in, so that the median lies on top.
    for (size_t k = row.values.size(); k-- > 0;) svg += marker(k, area.x(axis, row.values[k]), y);
    svg += "\n";
  }
  return figure(plot.title, svg, legend(plot.names, false));
}

std::string bar_figure(std::string_view title, std::span<const PlotBar> bars) {
  const double height = kPlotTop + kBarRowHeight * static_cast<double>(bars.size());
  const double widest = kPlotWidth - 28.0;
  std::string description;
  for (const PlotBar& bar : bars) description += fmt::format("{} {}. ", bar.name, bar.value);
  std::string svg = svg_begin(height, title, description);
  for (size_t i = 0; i < bars.size(); ++i) {
    const double y = kPlotTop + kBarRowHeight * static_cast<double>(i);
    svg += text_at(14, y + 9, "start", bars[i].name, "p");
    svg += text_at(kPlotWidth - 14, y + 9, "end", bars[i].value, "p");
    svg += fmt::format("<path class=\"bar\" d=\"M14 {:.1f}h{:.1f}v12h-{:.1f}Z\"/>\n", y + 16,
                       std::max(1.0, widest * bars[i].part), std::max(1.0, widest * bars[i].part));
  }
  return figure(title, svg);
}

}  // namespace lanewise::cli
