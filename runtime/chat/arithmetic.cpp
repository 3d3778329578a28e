#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "runtime/chat/operations.hpp"
#include "runtime/chat/printing.hpp"

namespace lanewise::chat {
namespace {

Status too_large() { return resource_exhausted("an integer needs more than 64 bits"); }
Status division_by_zero() { return invalid_argument("division by zero"); }

std::string_view symbol(Operator op) {
  switch (op) {
    case Operator::kAdd:
      return "+";
    case Operator::kSubtract:
      return "-";
    case Operator::kMultiply:
      return "*";
    case Operator::kDivide:
      return "/";
    case Operator::kFloorDivide:
      return "//";
    default:
      return "%";
  }
}

/// Rounds towards minus infinity, as Python does. divisor != 0, and not min / -1.
int64_t floor_quotient(int64_t dividend, int64_t divisor) {
  const int64_t quotient = dividend / divisor;
  const bool is_below = dividend % divisor != 0 && (dividend < 0) != (divisor < 0);
  return is_below ? quotient - 1 : quotient;
}

Result<Value> divide_integers(Operator op, int64_t left, int64_t right) {
  if (right == 0) return division_by_zero();
  if (op == Operator::kDivide) {
    return Value::real(static_cast<double>(left) / static_cast<double>(right));
  }
  if (right == -1) {  // The quotient of the least integer does not fit.
    if (op == Operator::kModulo) return Value::integer(0);
    if (left == std::numeric_limits<int64_t>::min()) return too_large();
    return Value::integer(-left);
  }
  const int64_t quotient = floor_quotient(left, right);
  return Value::integer(op == Operator::kFloorDivide ? quotient : left - quotient * right);
}

Result<Value> integers(Operator op, int64_t left, int64_t right) {
  int64_t result = 0;
  bool overflows = false;
  switch (op) {
    case Operator::kAdd:
      overflows = __builtin_add_overflow(left, right, &result);
      break;
    case Operator::kSubtract:
      overflows = __builtin_sub_overflow(left, right, &result);
      break;
    case Operator::kMultiply:
      overflows = __builtin_mul_overflow(left, right, &result);
      break;
    default:
      return divide_integers(op, left, right);
  }
  if (overflows) return too_large();
  return Value::integer(result);
}

/// The quotient rounded down and the remainder, which has the sign of the divisor. divisor != 0
Value floor_division(Operator op, double dividend, double divisor) {
  double remainder = std::fmod(dividend, divisor);
  double quotient = (dividend - remainder) / divisor;
  if (remainder == 0) {
    remainder = std::copysign(0.0, divisor);
  } else if ((divisor < 0) != (remainder < 0)) {
    remainder += divisor;
    quotient -= 1;
  }
  if (op == Operator::kModulo) return Value::real(remainder);
  if (quotient == 0) return Value::real(std::copysign(0.0, dividend / divisor));
  const double floor = std::floor(quotient);
  return Value::real(quotient - floor > 0.5 ? floor + 1 : floor);
}

Result<Value> reals(Operator op, double left, double right) {
  switch (op) {
    case Operator::kAdd:
      return Value::real(left + right);
    case Operator::kSubtract:
      return Value::real(left - right);
    case Operator::kMultiply:
      return Value::real(left * right);
    default:
      if (right == 0) return division_by_zero();
      if (op == Operator::kDivide) return Value::real(left / right);
      return floor_division(op, left, right);
  }
}

/// A text as HTML shows it.
Result<Value> escaped(std::string_view text, Store& store) {
  constexpr std::string_view kSpecial = "&<>'\"";
  constexpr std::string_view kEntities[] = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;"};
  std::vector<std::string_view> pieces;
  for (size_t end = text.find_first_of(kSpecial); end != text.npos;
       end = text.find_first_of(kSpecial)) {
    LW_RETURN_IF_ERROR(store.spend(4));
    pieces.push_back(text.substr(0, end));
    pieces.push_back(kEntities[kSpecial.find(text[end])]);
    text.remove_prefix(end + 1);
  }
  pieces.push_back(text);
  return store.joined(pieces);
}

Result<Value> joined_texts(const Value& left, const Value& right, Store& store) {
  Value texts[] = {left, right};
  const bool is_safe = left.is_safe() || right.is_safe();
  for (Value& text : texts) {
    if (!is_safe || text.is_safe()) continue;
    LW_ASSIGN_OR_RETURN(text, escaped(text.text(), store));
  }
  const std::string_view pieces[] = {texts[0].text(), texts[1].text()};
  LW_ASSIGN_OR_RETURN(const Value whole, store.joined(pieces));
  return is_safe ? Value::safe_string(whole.text()) : whole;
}

Result<Value> joined(const Value& left, const Value& right, Store& store) {
  if (left.is_string()) return joined_texts(left, right, store);
  const size_t size = left.items().size();
  LW_ASSIGN_OR_RETURN(const std::span<Value> items,
                      store.array<Value>(size + right.items().size()));
  std::ranges::copy(left.items(), items.begin());
  std::ranges::copy(right.items(), items.subspan(size).begin());
  return left.is(ValueKind::kList) ? Value::list(items) : Value::tuple(items);
}

bool is_text_or_list(const Value& value) { return value.is_string() || value.is_array(); }

/// A text, list or tuple `count` times.
Result<Value> repeated(const Value& sequence, int64_t count, Store& store) {
  if (count <= 0) {
    if (sequence.is_string()) return Value::string("");
    return sequence.is(ValueKind::kList) ? Value::list({}) : Value::tuple({});
  }
  const bool is_string = sequence.is_string();
  const size_t size = is_string ? sequence.text().size() : sequence.items().size();
  if (size == 0) return sequence;
  if (static_cast<uint64_t>(count) > std::numeric_limits<uint32_t>::max() / size) {
    return resource_exhausted("'*' makes a value that is too long");
  }
  const size_t whole = size * static_cast<size_t>(count);
  if (is_string) {
    LW_ASSIGN_OR_RETURN(const std::span<char> text, store.array<char>(whole));
    for (size_t i = 0; i < whole; ++i) text[i] = sequence.text()[i % size];
    return Value::string({text.data(), whole});
  }
  LW_ASSIGN_OR_RETURN(const std::span<Value> items, store.array<Value>(whole));
  for (size_t i = 0; i < whole; ++i) items[i] = sequence.items()[i % size];
  return sequence.is(ValueKind::kList) ? Value::list(items) : Value::tuple(items);
}

}  // namespace

Result<Value> arithmetic(Operator op, const Value& left, const Value& right, Store& store) {
  if (left.is_integral() && right.is_integral()) {
    return integers(op, left.integer(), right.integer());
  }
  if (left.is_number() && right.is_number()) return reals(op, left.real(), right.real());
  if (op == Operator::kAdd && is_text_or_list(left) && left.kind() == right.kind()) {
    return joined(left, right, store);
  }
  if (op == Operator::kMultiply && is_text_or_list(left) && right.is_integral()) {
    return repeated(left, right.integer(), store);
  }
  if (op == Operator::kMultiply && is_text_or_list(right) && left.is_integral()) {
    return repeated(right, left.integer(), store);
  }
  LW_RETURN_IF_ERROR(check_defined(left));
  LW_RETURN_IF_ERROR(check_defined(right));
  if (op == Operator::kModulo && left.is_string()) {
    return unsupported("'%' that formats a string is not supported");
  }
  return invalid_argument("'" + std::string(symbol(op)) + "' does not take " + found_text(left) +
                          " and " + found_text(right));
}

Result<Value> negative(const Value& value) {
  if (value.is(ValueKind::kFloat)) return Value::real(-value.real());
  if (value.is_integral()) return integers(Operator::kSubtract, 0, value.integer());
  LW_RETURN_IF_ERROR(check_defined(value));
  return invalid_argument("'-' does not take " + found_text(value));
}

}  // namespace lanewise::chat
