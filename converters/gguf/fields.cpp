#include "converters/gguf/fields.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

std::string number_text(double number) {
  const bool whole = std::abs(number) < 1e15 && number == std::floor(number);
  return whole ? std::to_string(static_cast<int64_t>(number)) : std::to_string(number);
}

/// A value for a message.
std::string found_text(const GgufValue& value) {
  if (const auto text = value.string()) return in_quotes(*text);
  if (const auto flag = value.boolean()) return *flag ? "true" : "false";
  if (const auto number = value.number()) return number_text(*number);
  if (!value.is_array()) return std::string(name_of(value.type()));
  return "an array of " + std::to_string(value.size()) + " " +
         std::string(name_of(value.element_type()));
}

std::string range_text(std::string_view what, double min, double max) {
  return std::string(what) + " from " + number_text(min) + " to " + number_text(max);
}

/// The number that all elements of an array are.
std::optional<double> common_number(const GgufValue& value) {
  const auto numbers = value.numbers();
  if (!numbers || numbers->empty()) return std::nullopt;
  const bool equal = std::ranges::all_of(*numbers, [&](double x) { return x == numbers->front(); });
  return equal ? std::optional(numbers->front()) : std::nullopt;
}

}  // namespace

const GgufValue* GgufFields::find(std::string_view name) const {
  const std::string whole = key(name);
  asked_.insert(whole);
  return view_.find(whole);
}

Status GgufFields::wrong(std::string_view name, std::string_view expected) const {
  const GgufValue* value = find(name);
  const std::string where = "metadata " + in_quotes(key(name));
  if (value == nullptr) return data_loss(where + " is missing");
  return data_loss(where + ": expected " + std::string(expected) + ", found " + found_text(*value));
}

Status GgufFields::refused(std::string_view name, std::string_view what) const {
  return unsupported("metadata " + in_quotes(key(name)) + ": " + std::string(what) +
                     " is not supported");
}

Result<int64_t> GgufFields::integer(std::string_view name, int64_t min, int64_t max) const {
  const GgufValue* value = find(name);
  if (value != nullptr && value->is_array() && value->size() > 0 && value->numbers()) {
    const std::optional<double> common = common_number(*value);
    if (!common) return refused(name, "a value that differs from layer to layer");
    const bool fits = std::abs(*common) < 1e15 && *common == std::floor(*common);
    const int64_t integer = fits ? static_cast<int64_t>(*common) : 0;
    if (fits && integer >= min && integer <= max) return integer;
  } else if (value != nullptr) {
    const std::optional<int64_t> integer = value->integer();
    if (integer && *integer >= min && *integer <= max) return *integer;
  }
  return wrong(name, range_text("an integer", static_cast<double>(min), static_cast<double>(max)));
}

Result<int64_t> GgufFields::integer_or(std::string_view name, int64_t fallback, int64_t min,
                                       int64_t max) const {
  return has(name) ? integer(name, min, max) : Result<int64_t>(fallback);
}

Result<double> GgufFields::number(std::string_view name, double min, double max) const {
  const GgufValue* value = find(name);
  const std::optional<double> number = value == nullptr ? std::nullopt : value->number();
  if (number && *number >= min && *number <= max) return *number;
  return wrong(name, range_text("a number", min, max));
}

Result<double> GgufFields::number_or(std::string_view name, double fallback, double min,
                                     double max) const {
  return has(name) ? number(name, min, max) : Result<double>(fallback);
}

Result<bool> GgufFields::boolean_or(std::string_view name, bool fallback) const {
  const GgufValue* value = find(name);
  if (value == nullptr) return fallback;
  const std::optional<bool> flag = value->boolean();
  return flag ? Result<bool>(*flag) : wrong(name, "a bool");
}

Result<std::string> GgufFields::text(std::string_view name) const {
  const GgufValue* value = find(name);
  const auto text = value == nullptr ? std::nullopt : value->string();
  if (!text) return wrong(name, "a string");
  const Status status = text::check_utf8(*text);
  if (!status.ok()) return status.with_context("metadata " + in_quotes(key(name)));
  return std::string(*text);
}

Result<std::string> GgufFields::text_or(std::string_view name, std::string_view fallback) const {
  return has(name) ? text(name) : Result<std::string>(std::string(fallback));
}

Result<std::vector<std::string_view>> GgufFields::strings(std::string_view name) const {
  const GgufValue* value = find(name);
  auto strings = value == nullptr ? std::nullopt : value->strings();
  if (!strings) return wrong(name, "an array of strings");
  return *std::move(strings);
}

Result<std::vector<double>> GgufFields::numbers(std::string_view name) const {
  const GgufValue* value = find(name);
  auto numbers = value == nullptr ? std::nullopt : value->numbers();
  if (!numbers) return wrong(name, "an array of numbers");
  return *std::move(numbers);
}

std::vector<std::string_view> GgufFields::unread() const {
  std::vector<std::string_view> keys;
  for (const GgufEntry& entry : view_.metadata()) {
    if (entry.key.starts_with(prefix_) && !asked_.contains(entry.key)) keys.push_back(entry.key);
  }
  return keys;
}

}  // namespace lanewise::converters
