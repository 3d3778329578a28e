#include "cli/progress_text.hpp"

#include <cmath>
#include <cstddef>

#include <fmt/format.h>

namespace lanewise::cli {
namespace {

/// In the two largest units that are not 0.
std::string duration_text(double seconds) {
  const int64_t whole = std::llround(seconds);
  const int64_t minutes = whole / 60, hours = minutes / 60, days = hours / 24;
  if (days > 0) return fmt::format("{} d {} h", days, hours % 24);
  if (hours > 0) return fmt::format("{} h {} min", hours, minutes % 60);
  if (minutes > 0) return fmt::format("{} min {} s", minutes, whole % 60);
  return fmt::format("{} s", whole);
}

/// 1,234,567.
std::string grouped(int64_t number) {
  std::string digits = std::to_string(number);
  for (size_t at = digits.size(); at > 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

}  // namespace

std::string progress_text(int64_t texts, int64_t texts_before, double part, double part_before,
                          double seconds) {
  const double rate = static_cast<double>(texts - texts_before) / seconds;
  std::string text = fmt::format("{} texts, {:.0f} a second", grouped(texts), rate);
  if (part <= 0.0) return text;
  text += fmt::format(", {:.0f} %", 100.0 * part);
  const double gained = part - part_before;
  if (gained > 0.0) {
    text += fmt::format(", {} left", duration_text(seconds * (1.0 - part) / gained));
  }
  return text;
}

}  // namespace lanewise::cli
