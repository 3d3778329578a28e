#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>

#include "runtime/chat/builtins.hpp"
#include "runtime/chat/operations.hpp"
#include "runtime/chat/printing.hpp"
#include "runtime/chat/unicode.hpp"

namespace lanewise::chat {
namespace {

/// A text without white space around it and single underscores between digits, as int() and float()
/// read it; nothing if an underscore stands elsewhere.
std::optional<std::string> plain_number(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  text = strip(text, Sides::kBoth);
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      plain += text[i];
    } else if (i == 0 || i + 1 == text.size() || !is_digit(text[i - 1]) || !is_digit(text[i + 1])) {
      return std::nullopt;
    }
  }
  if (plain.starts_with('+')) {
    plain.erase(0, 1);
    if (plain.starts_with('-') || plain.starts_with('+')) return std::nullopt;
  }
  return plain;
}

template <typename T>
std::optional<T> parsed(std::string_view text) {
  const std::optional<std::string> plain = plain_number(text);
  if (!plain || plain->empty()) return std::nullopt;
  T value{};
  const char* const end = plain->data() + plain->size();
  const auto [stop, error] = std::from_chars(plain->data(), end, value);
  if (error == std::errc() && stop == end) return value;
  return std::nullopt;
}

/// float(text): from_chars takes a few words more than Python, such as nan(1).
std::optional<double> parsed_real(std::string_view text) {
  if (text.find('(') != text.npos) return std::nullopt;
  return parsed<double>(text);
}

bool fits_integer(double value) {
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  return value >= -kLimit && value < kLimit;
}

Result<Value> truncated(double value) {
  if (fits_integer(value)) return Value::integer(static_cast<int64_t>(value));
  if (std::isinf(value)) return invalid_argument("infinity is no integer");
  return resource_exhausted("an integer needs more than 64 bits");
}

Result<Value> to_int(Environment&, const Value& subject, Arguments arguments) {
  LW_RETURN_IF_ERROR(check_defined(subject));
  const Value fallback = arguments[0].is_missing() ? Value::integer(0) : arguments[0];
  if (subject.is_integral()) return Value::integer(subject.integer());
  if (subject.is(ValueKind::kFloat)) {
    return std::isnan(subject.real()) ? fallback : truncated(subject.real());
  }
  if (!subject.is_string()) return fallback;
  if (const auto value = parsed<int64_t>(subject.text())) return Value::integer(*value);
  const std::optional<double> real = parsed_real(subject.text());
  if (!real || !std::isfinite(*real)) return fallback;
  return truncated(*real);
}

Result<Value> to_float(Environment&, const Value& subject, Arguments arguments) {
  LW_RETURN_IF_ERROR(check_defined(subject));
  const Value fallback = arguments[0].is_missing() ? Value::real(0) : arguments[0];
  if (subject.is_number()) return Value::real(subject.real());
  if (!subject.is_string()) return fallback;
  const std::optional<double> value = parsed_real(subject.text());
  return value ? Value::real(*value) : fallback;
}

Result<Value> absolute(Environment&, const Value& subject, Arguments) {
  if (subject.is(ValueKind::kFloat)) return Value::real(std::abs(subject.real()));
  if (subject.is_integral()) {
    if (subject.integer() < 0) return negative(subject);
    return Value::integer(subject.integer());
  }
  LW_RETURN_IF_ERROR(check_defined(subject));
  return invalid_argument("'abs' is for numbers, not for " + found_text(subject));
}

/// round(): half to even, of the exact decimal value.
double rounded(double value, int precision) {
  if (!std::isfinite(value)) return value;
  std::array<char, 400> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value,
                                 std::chars_format::fixed, precision)
                       .ptr;
  double result = value;
  std::from_chars(text.data(), end, result);
  return result;
}

Result<Value> round_up_or_down(const Value& subject, int precision, bool up) {
  const double factor = std::pow(10.0, precision);
  const double scaled = subject.real() * factor;
  if (!std::isfinite(scaled)) return invalid_argument("infinity has no neighbouring integer");
  const double whole = up ? std::ceil(scaled) : std::floor(scaled);
  return Value::real((whole + 0.0) / factor);  // Python has an integer there, so no -0.
}

Result<Value> round_filter(Environment&, const Value& subject, Arguments arguments) {
  constexpr int64_t kMaxPrecision = 15;
  LW_RETURN_IF_ERROR(check_defined(subject));
  if (!subject.is_number()) {
    return invalid_argument("'round' is for numbers, not for " + found_text(subject));
  }
  const Value precision = arguments[0].is_missing() ? Value::integer(0) : arguments[0];
  if (!precision.is_integral() || precision.integer() < 0 || precision.integer() > kMaxPrecision) {
    return unsupported("'round' with a precision of " + found_text(precision) +
                       " is not supported");
  }
  const auto digits = static_cast<int>(precision.integer());
  const std::string_view method = arguments[1].is_string()    ? arguments[1].text()
                                  : arguments[1].is_missing() ? "common"
                                                              : "";
  if (method == "ceil" || method == "floor") {
    return round_up_or_down(subject, digits, method == "ceil");
  }
  if (method != "common") {
    return invalid_argument("the method of 'round' is common, ceil or floor, not " +
                            found_text(arguments[1]));
  }
  if (subject.is_integral()) return Value::integer(subject.integer());
  return Value::real(rounded(subject.real(), digits));
}

constexpr Builtin kNumberFilters[] = {
    {"int", to_int, {"default"}},
    {"float", to_float, {"default"}},
    {"abs", absolute},
    {"round", round_filter, {"precision", "method"}},
};

}  // namespace

std::span<const Builtin> number_filters() noexcept { return kNumberFilters; }

}  // namespace lanewise::chat
