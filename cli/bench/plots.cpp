#include "cli/bench/plots.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <fmt/format.h>

namespace lanewise::cli {
namespace {

// Units of the drawing. The page shows it 340 to 560 pixels wide, so letters of 13 units stay
// legible on a telephone.
constexpr double kWidth = 420.0;
constexpr double kHeight = 290.0;
constexpr double kLeft = 56.0;
constexpr double kRight = 16.0;
constexpr double kTop = 14.0;
constexpr double kBottom = 46.0;
constexpr double kRowHeight = 40.0;
constexpr double kBarRowHeight = 40.0;
// What a digit and a letter take at this size.
constexpr double kLetterWidth = 7.0;
constexpr double kLetterHeight = 13.0;
constexpr size_t kShapes = 8;

/// A marker of the shape that belongs to a series, around (x, y).
std::string marker(size_t series, double x, double y) {
  constexpr double kRadius = 4.5;
  const std::string style = fmt::format("class=\"m s{}\"", series % kShapes);
  const auto path = [&](std::string_view points) {
    return fmt::format("<path {} transform=\"translate({:.1f} {:.1f})\" d=\"{}\"/>", style, x, y,
                       points);
  };
  switch (series % kShapes) {
    case 0:
      return fmt::format("<circle {} cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\"/>", style, x, y,
                         kRadius - 0.5);
    case 1:
      return path("M-4-4H4V4H-4Z");
    case 2:
      return path("M0-5L5 4H-5Z");
    case 3:
      return path("M0-5.5L5.5 0L0 5.5L-5.5 0Z");
    case 4:
      return path("M0 5L5-4H-5Z");
    case 5:
      return path("M-5-2H-2V-5H2V-2H5V2H2V5H-2V2H-5Z");
    case 6:
      return path("M-5 0L0-2.5L5 0L0 2.5Z");
    default:
      return path("M-2-5H2V5H-2Z");
  }
}

/// The rectangle in which a plot draws.
struct Area {
  double left = kLeft;
  double right = kWidth - kRight;
  double top = kTop;
  double bottom = kHeight - kBottom;

  double x(const Axis& axis, double value) const {
    return left + (right - left) * place_on(axis, value);
  }
  double y(const Axis& axis, double value) const {
    return bottom - (bottom - top) * place_on(axis, value);
  }
};

std::string svg_begin(double height, std::string_view title, std::string_view description) {
  return fmt::format(
      "<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\"><title>{}</title><desc>{}</desc>\n", kWidth,
      height, in_html(title), in_html(description));
}

std::string figure(std::string_view title, std::string_view svg, std::string_view below = {}) {
  return fmt::format("<figure><figcaption>{}</figcaption>\n{}</svg>\n{}</figure>\n", in_html(title),
                     svg, below);
}

std::string text_at(double x, double y, std::string_view anchor, std::string_view text,
                    std::string_view style = "t") {
  return fmt::format("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>",
                     style, x, y, anchor, in_html(text));
}

/// Lines across and labels at the left.
std::string y_grid(const Area& area, const Axis& axis, std::string_view label) {
  std::string svg;
  double above = 1e9;
  for (const double tick : axis.ticks) {
    const double y = area.y(axis, tick);
    svg += fmt::format("<path class=\"g\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>", area.left, y, area.right);
    if (above - y < kLetterHeight) continue;
    svg += text_at(area.left - 6, y + 4, "end", tick_label(tick));
    above = y;
  }
  const double middle = (area.top + area.bottom) / 2;
  svg += fmt::format(
      "<text class=\"l\" transform=\"translate(13 {:.1f}) rotate(-90)\" text-anchor=\"middle\">{}"
      "</text>\n",
      middle, in_html(label));
  return svg;
}

/// Lines down and labels below, as many as there is room for.
std::string x_grid(const Area& area, const Axis& axis, std::string_view label) {
  std::string svg;
  double used = -1e9;
  for (const double tick : axis.ticks) {
    const double x = area.x(axis, tick);
    svg += fmt::format("<path class=\"g\" d=\"M{:.1f} {:.1f}V{:.1f}\"/>", x, area.top, area.bottom);
    const std::string text = tick_label(tick);
    const double half = kLetterWidth * static_cast<double>(text.size()) / 2;
    if (x - half < used) continue;
    svg += text_at(x, area.bottom + 17, "middle", text);
    used = x + half + 4;
  }
  svg += text_at((area.left + area.right) / 2, area.bottom + 38, "middle", label, "l") + "\n";
  return svg;
}

std::string line_of(const Area& area, const LinePlot& plot, size_t index) {
  std::string path;
  std::string marks;
  for (const PlotPoint& point : plot.series[index].points) {
    const double x = area.x(plot.x, point.x);
    const double y = area.y(plot.y, point.y);
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x, y);
    if (point.high > point.low) {
      marks += fmt::format("<path class=\"i s{}\" d=\"M{:.1f} {:.1f}V{:.1f}\"/>", index % kShapes,
                           x, area.y(plot.y, point.low), area.y(plot.y, point.high));
    }
    marks += marker(index, x, y);
  }
  return fmt::format("<path class=\"c s{}\" d=\"{}\"/>{}\n", index % kShapes, path, marks);
}

std::string legend(const std::vector<std::string>& names, bool with_lines) {
  std::string html = "<ul class=\"legend\">";
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string line =
        with_lines ? fmt::format("<path class=\"c s{}\" d=\"M0 8H28\"/>", i % kShapes) : "";
    html += fmt::format("<li><svg viewBox=\"0 0 28 16\" aria-hidden=\"true\">{}{}</svg>{}</li>",
                        line, marker(i, 14, 8), in_html(names[i]));
  }
  return html + "</ul>\n";
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

/// Rectangles that are taken, so that labels do not lie on each other.
class LabelPlacer {
 public:
  explicit LabelPlacer(const Area& area) : area_(area) {}

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
    if (box.left < area_.left || box.right > area_.right + kRight || box.top < 0 ||
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

  const Area& area_;
  std::vector<Box> taken_;
};

std::string roof(const Area& area, const Axis& x, const Axis& y, const RooflinePlot& plot) {
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

std::string in_html(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return safe;
}

std::string line_figure(const LinePlot& plot) {
  const Area area;
  std::string svg = svg_begin(kHeight, plot.title, spoken(plot));
  svg += y_grid(area, plot.y, plot.y_label) + x_grid(area, plot.x, plot.x_label);
  std::vector<std::string> names;
  for (size_t i = 0; i < plot.series.size(); ++i) {
    svg += line_of(area, plot, i);
    names.push_back(plot.series[i].name);
  }
  return figure(plot.title, svg, names.size() > 1 ? legend(names, true) : std::string());
}

std::string range_figure(const RangePlot& plot) {
  Area area;
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
  std::string svg = svg_begin(area.bottom + kBottom, plot.title, description);
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
  const double height = kTop + kBarRowHeight * static_cast<double>(bars.size());
  const double widest = kWidth - 28.0;
  std::string description;
  for (const PlotBar& bar : bars) description += fmt::format("{} {}. ", bar.name, bar.value);
  std::string svg = svg_begin(height, title, description);
  for (size_t i = 0; i < bars.size(); ++i) {
    const double y = kTop + kBarRowHeight * static_cast<double>(i);
    svg += text_at(14, y + 9, "start", bars[i].name, "p");
    svg += text_at(kWidth - 14, y + 9, "end", bars[i].value, "p");
    svg += fmt::format("<path class=\"bar\" d=\"M14 {:.1f}h{:.1f}v12h-{:.1f}Z\"/>\n", y + 16,
                       std::max(1.0, widest * bars[i].part), std::max(1.0, widest * bars[i].part));
  }
  return figure(title, svg);
}

std::string roofline_figure(const RooflinePlot& plot) {
  const Area area;
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
  std::string svg = svg_begin(kHeight, plot.title, description);
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
