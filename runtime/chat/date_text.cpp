#include "runtime/chat/date_text.hpp"

#include <time.h>

#include <array>
#include <optional>

#include "base/messages.hpp"
#include "base/status_macros.hpp"

namespace lanewise::chat {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};

/// A number and how it is padded.
struct Number {
  int value;
  size_t width;
  char padding;
};

std::optional<Number> number_of(const std::tm& time, char directive) {
  switch (directive) {
    case 'd':
      return Number{time.tm_mday, 2, '0'};
    case 'e':
      return Number{time.tm_mday, 2, ' '};
    case 'H':
      return Number{time.tm_hour, 2, '0'};
    case 'I':
      return Number{(time.tm_hour + 11) % 12 + 1, 2, '0'};
    case 'j':
      return Number{time.tm_yday + 1, 3, '0'};
    case 'm':
      return Number{time.tm_mon + 1, 2, '0'};
    case 'M':
      return Number{time.tm_min, 2, '0'};
    case 'S':
      return Number{time.tm_sec, 2, '0'};
    case 'y':
      return Number{(time.tm_year + 1900) % 100, 2, '0'};
    case 'Y':
      return Number{time.tm_year + 1900, 1, '0'};
    default:
      return std::nullopt;
  }
}

/// An element of `names`, or "?" for a time that is none.
template <size_t size>
std::string name_of(const std::array<std::string_view, size>& names, int place, bool is_short) {
  if (place < 0 || place >= static_cast<int>(size)) return "?";
  const std::string_view name = names[static_cast<size_t>(place)];
  return std::string(is_short ? name.substr(0, 3) : name);
}

/// The format that a directive stands for, "" if it stands for none.
std::string_view longer_form(char directive) {
  switch (directive) {
    case 'D':
      return "%m/%d/%y";
    case 'F':
      return "%Y-%m-%d";
    case 'T':
      return "%H:%M:%S";
    case 'R':
      return "%H:%M";
    default:
      return "";
  }
}

Result<std::string> directive_text(const std::tm& time, char directive, bool pads) {
  if (const std::optional<Number> number = number_of(time, directive)) {
    std::string text = std::to_string(number->value);
    if (pads && text.size() < number->width) {
      text.insert(0, number->width - text.size(), number->padding);
    }
    return text;
  }
  switch (pads ? directive : '\0') {
    case 'a':
    case 'A':
      return name_of(kDays, time.tm_wday, directive == 'a');
    case 'b':
    case 'B':
      return name_of(kMonths, time.tm_mon, directive == 'b');
    case 'p':
      return std::string(time.tm_hour < 12 ? "AM" : "PM");
    case '%':
      return std::string("%");
    default:
      if (!longer_form(directive).empty()) return date_text(time, longer_form(directive));
      return unsupported("strftime_now does not support " +
                         base::in_quotes(std::string("%") + directive));
  }
}

}  // namespace

Result<std::string> date_text(const std::tm& time, std::string_view format) {
  constexpr size_t kLongestFormat = 1000;
  if (format.size() > kLongestFormat) return unsupported("strftime_now: the format is too long");
  std::string text;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      text += format[i];
      continue;
    }
    const bool pads = !format.substr(i + 1).starts_with('-');
    i += pads ? 1 : 2;
    if (i >= format.size()) return unsupported("strftime_now: the format ends within a directive");
    LW_ASSIGN_OR_RETURN(const std::string part, directive_text(time, format[i], pads));
    text += part;
  }
  return text;
}

std::tm local_time() {
  const std::time_t now = std::time(nullptr);
  std::tm result{};
  ::localtime_r(&now, &result);
  return result;
}

}  // namespace lanewise::chat
