#include "cli/bench/svg.hpp"

#include <fmt/format.h>

#include "cli/bench/plots.hpp"

namespace lanewise::cli {

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

std::string marker(size_t series, double x, double y) {
  constexpr double kRadius = 4.5;
  const std::string style = fmt::format("class=\"m s{}\"", series % kPlotStyles);
  const auto path = [&](std::string_view points) {
    return fmt::format("<path {} transform=\"translate({:.1f} {:.1f})\" d=\"{}\"/>", style, x, y,
                       points);
  };
  switch (series % kPlotStyles) {
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

std::string svg_begin(double height, std::string_view title, std::string_view description) {
  return fmt::format(
      "<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\"><title>{}</title><desc>{}</desc>\n",
      kPlotWidth, height, in_html(title), in_html(description));
}

std::string figure(std::string_view title, std::string_view svg, std::string_view below) {
  return fmt::format("<figure><figcaption>{}</figcaption>\n{}</svg>\n{}</figure>\n", in_html(title),
                     svg, below);
}

std::string text_at(double x, double y, std::string_view anchor, std::string_view text,
                    std::string_view style) {
  return fmt::format("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>",
                     style, x, y, anchor, in_html(text));
}

std::string y_grid(const PlotArea& area, const Axis& axis, std::string_view label) {
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

std::string x_grid(const PlotArea& area, const Axis& axis, std::string_view label) {
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

std::string legend(const std::vector<std::string>& names, bool with_lines) {
  std::string html = "<ul class=\"legend\">";
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string line =
        with_lines ? fmt::format("<path class=\"c s{}\" d=\"M0 8H28\"/>", i % kPlotStyles) : "";
    html += fmt::format("<li><svg viewBox=\"0 0 28 16\" aria-hidden=\"true\">{}{}</svg>{}</li>",
                        line, marker(i, 14, 8), in_html(names[i]));
  }
  return html + "</ul>\n";
}

}  // namespace lanewise::cli
