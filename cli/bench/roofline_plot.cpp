#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

#include "cli/bench/plots.hpp"
#include "cli/bench/svg.hpp"

namespace lanewise::cli {
namespace {

/// Rectangles that are taken, so that labels do not lie on each other.
class LabelPlacer {
 public:
  explicit LabelPlacer(const PlotArea& area) : area_(area) {}

  void take(double left, double top, double right, double bottom) {
    taken_.push_back({left, top, right, bottom});
  }

  /// A label beside the point (x, y), where there is room.
  std::string place(double x, double y, std::string_view text) {
    const double width = kLetterWidth * static_cast<double>(text.size());
    struct Choice {
      double left, base;
    };
    Choice best{x + 9, y + 4};
    double fewest = 1e9;
    for (const double down : {0.0, -14.0, 14.0, -27.0, 27.0, -40.0, 40.0}) {
      for (const Choice choice : {Choice{x + 9, y + 4 + down}, Choice{x - 9 - width, y + 4 + down},
                                  Choice{x - width / 2, y + 4 + down}}) {
        if (down == 0.0 && choice.left == x - width / 2) continue;
        const double overlap = overlap_of(choice.left, choice.base, width);
        if (overlap >= fewest) continue;
        fewest = overlap;
        best = choice;
      }
    }
    take(best.left, best.base - kLetterHeight + 2, best.left + width, best.base + 3);
    return text_at(best.left, best.base, "start", text, "p");
  }

 private:
  struct Box {
    double left, top, right, bottom;
  };
  double overlap_of(double left, double base, double width) const {
    const Box box{left, base - kLetterHeight + 2, left + width, base + 3};
    if (box.left < area_.left || box.right > area_.right + kPlotRight || box.top < 0 ||
        box.bottom > area_.bottom) {
      return 1e6;
    }
    double sum = 0.0;
    for (const Box& other : taken_) {
      const double across = std::min(box.right, other.right) - std::max(box.left, other.left);
      const double down = std::min(box.bottom, other.bottom) - std::max(box.top, other.top);
      if (across > 0 && down > 0) sum += across * down;
    }
    return sum;
  }

  const PlotArea& area_;
  std::vector<Box> taken_;
};

std::string roof(const PlotArea& area, const Axis& x, const Axis& y, const RooflinePlot& plot) {
  const double corner = plot.read_gbps > 0.0 ? plot.peak_gflops / plot.read_gbps : x.low;
  std::string path;
  if (plot.read_gbps > 0.0 && corner > x.low) {
    // Starts where the line enters the plot, at the left or from below.
    const double start = std::max(x.low, y.low / plot.read_gbps);
    path = fmt::format("M{:.1f} {:.1f}L{:.1f} {:.1f}", area.x(x, start),
                       area.y(y, plot.read_gbps * start), area.x(x, corner),
                       area.y(y, plot.peak_gflops));
  } else {
    path = fmt::format("M{:.1f} {:.1f}", area.left, area.y(y, plot.peak_gflops));
  }
  return fmt::format("<path class=\"roof\" d=\"{}H{:.1f}\"/>", path, area.right);
}

}  // namespace

std::string roofline_figure(const RooflinePlot& plot) {
  const PlotArea area;
  const double corner = plot.read_gbps > 0.0 ? plot.peak_gflops / plot.read_gbps : 1.0;
  double x_least = corner / 4, x_most = corner * 4, y_least = plot.peak_gflops / 10;
  std::string description = fmt::format("The peak is {:.1f} GFLOP/s.", plot.peak_gflops);
  for (const LabelledPoint& point : plot.points) {
    x_least = std::min(x_least, point.x / 1.5);
    x_most = std::max(x_most, point.x * 1.5);
    y_least = std::min(y_least, point.y / 1.3);
    description += fmt::format(" {}: {} GFLOP/s at {} operations a byte.", point.name,
                               tick_label(point.y), tick_label(point.x));
  }
  const Axis x = log_axis(x_least, x_most);
  const Axis y = log_axis(y_least, plot.peak_gflops * 1.25);
  std::string svg = svg_begin(kPlotHeight, plot.title, description);
  svg += y_grid(area, y, "GFLOP/s") + x_grid(area, x, "operations per byte");
  svg += roof(area, x, y, plot);
  const double peak_y = area.y(y, plot.peak_gflops);
  const std::string peak_text = fmt::format("peak {:.0f} GFLOP/s", plot.peak_gflops);
  LabelPlacer placer(area);
  placer.take(area.right - kLetterWidth * static_cast<double>(peak_text.size()), peak_y - 16,
              area.right, peak_y + 2);
  svg += text_at(area.right - 2, peak_y - 5, "end", peak_text, "l");
  if (plot.read_gbps > 0.0) {
    const double start = std::max(x.low, y.low / plot.read_gbps);
    const std::string text = fmt::format("memory {:.0f} GB/s", plot.read_gbps);
    // To the right of the slanted line, near its beginning.
    const double left = area.x(x, start) + 28, base = area.y(y, plot.read_gbps * start) - 3;
    placer.take(left, base - kLetterHeight, left + kLetterWidth * static_cast<double>(text.size()),
                base + 3);
    svg += text_at(left, base, "start", text, "l");
  }
  for (const LabelledPoint& point : plot.points) {
    const double px = area.x(x, point.x), py = area.y(y, point.y);
    placer.take(px - 6, py - 6, px + 6, py + 6);
  }
  for (size_t i = 0; i < plot.points.size(); ++i) {
    const double px = area.x(x, plot.points[i].x), py = area.y(y, plot.points[i].y);
    svg += marker(i, px, py) + placer.place(px, py, plot.points[i].name) + "\n";
  }
  return figure(plot.title, svg);
}

}  // namespace lanewise::cli
