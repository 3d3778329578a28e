#include "runtime/grammar/number_range.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

#include "base/status_macros.hpp"

namespace lanewise::grammar {
namespace {

constexpr uint64_t kLargest = 999'999'999'999'999'999;

/// Exactly `count` digits.
void add_digits(AutomatonBuilder& builder, int32_t from, size_t count, int32_t to) {
  for (; count > 1; --count) {
    const int32_t next = builder.add_node();
    builder.add_bytes(from, '0', '9', next);
    from = next;
  }
  if (count == 1) {
    builder.add_bytes(from, '0', '9', to);
  } else {
    builder.add_empty(from, to);
  }
}

/// The digit strings from `low` to `high`, all of the same length.
void add_between(AutomatonBuilder& builder, int32_t from, std::string_view low,
                 std::string_view high, int32_t to) {
  if (low.find_first_not_of('0') == low.npos && high.find_first_not_of('9') == high.npos) {
    return add_digits(builder, from, low.size(), to);
  }
  const auto first = static_cast<uint8_t>(low[0]);
  const auto last = static_cast<uint8_t>(high[0]);
  const std::string_view low_rest = low.substr(1);
  const std::string_view high_rest = high.substr(1);
  const auto branch = [&](uint8_t from_digit, uint8_t to_digit, std::string_view a,
                          std::string_view b) {
    if (from_digit > to_digit) return;
    const int32_t next = builder.add_node();
    builder.add_bytes(from, from_digit, to_digit, next);
    add_between(builder, next, a, b, to);
  };
  if (first == last) return branch(first, first, low_rest, high_rest);
  const std::string zeros(low_rest.size(), '0');
  const std::string nines(low_rest.size(), '9');
  branch(first, first, low_rest, nines);
  branch(static_cast<uint8_t>(first + 1), static_cast<uint8_t>(last - 1), zeros, nines);
  branch(last, last, zeros, high_rest);
}

/// The numbers from `low` to `high` without leading zeros.
void add_naturals(AutomatonBuilder& builder, int32_t from, uint64_t low, uint64_t high,
                  int32_t to) {
  high = std::min(high, kLargest);
  while (low <= high) {
    const std::string digits = std::to_string(low);
    // The largest number of as many digits.
    uint64_t longest = 9;
    for (size_t i = 1; i < digits.size(); ++i) longest = longest * 10 + 9;
    add_between(builder, from, digits, std::to_string(std::min(longest, high)), to);
    low = longest + 1;
  }
}

uint64_t magnitude(int64_t value) {
  return value < 0 ? uint64_t{0} - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
}

/// A limit of a magnitude: digits before and behind the point.
struct Digits {
  uint64_t whole = 0;
  std::string fraction;  ///< without zeros at its end
  bool excluded = false;
};

Result<Digits> digits_of(const NumberBound& bound) {
  std::array<char, 400> text;
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(),
                                          std::abs(bound.value), std::chars_format::fixed);
  const std::string_view all(text.data(), static_cast<size_t>(end - text.data()));
  const size_t point = std::min(all.find('.'), all.size());
  Digits digits;
  digits.excluded = bound.excluded;
  if (point < all.size()) digits.fraction = all.substr(point + 1);
  while (digits.fraction.ends_with('0')) digits.fraction.pop_back();
  if (point > kMaxIntegerDigits || digits.fraction.size() > kMaxFractionDigits) {
    return unsupported("a limit of more than 18 digits before or 17 behind its point");
  }
  std::from_chars(all.data(), all.data() + point, digits.whole);
  return digits;
}

/// The fractions behind one whole number, between limits that share it.
class Fractions {
 public:
  /// Null: no limit.
  Fractions(AutomatonBuilder& builder, const Digits* low, const Digits* high, int32_t to)
      : builder_(builder), low_(low), high_(high), to_(to) {
    for (auto& states : nodes_) states.fill(-1);
  }

  void add_to(int32_t from) {
    const bool low = low_ != nullptr;
    const bool high = high_ != nullptr;
    if (may_stop(0, low, high)) builder_.add_empty(from, to_);
    add_digits_behind(builder_.byte(from, '.'), 0, low, high);
  }

 private:
  static int digit(const std::string& fraction, size_t i) {
    return i < fraction.size() ? fraction[i] - '0' : 0;
  }

  /// Whether a number may end with `count` digits, which so far are those of the limits.
  bool may_stop(size_t count, bool at_low, bool at_high) const {
    if (at_low && (count < low_->fraction.size() || low_->excluded)) return false;
    return !at_high || count < high_->fraction.size() || !high_->excluded;
  }

  void add_digits_behind(int32_t from, size_t count, bool at_low, bool at_high) {
    if (count == kMaxFractionDigits) return;
    for (int d = 0; d <= 9; ++d) {
      const int least = at_low ? digit(low_->fraction, count) : 0;
      const int most = at_high ? digit(high_->fraction, count) : 9;
      if (d < least || d > most) continue;
      const auto byte = static_cast<uint8_t>('0' + d);
      builder_.add_bytes(from, byte, byte,
                         node(count + 1, at_low && d == least, at_high && d == most));
    }
  }

  int32_t node(size_t count, bool at_low, bool at_high) {
    int32_t& known = nodes_[count][(at_low ? 1U : 0U) + (at_high ? 2U : 0U)];
    if (known >= 0) return known;
    const int32_t made = builder_.add_node();
    known = made;
    if (may_stop(count, at_low, at_high)) builder_.add_empty(made, to_);
    add_digits_behind(made, count, at_low, at_high);
    return made;
  }

  AutomatonBuilder& builder_;
  const Digits* low_;
  const Digits* high_;
  int32_t to_;
  std::array<std::array<int32_t, 4>, kMaxFractionDigits + 1> nodes_;
};

/// The magnitudes from `low` to `high`; null: no limit.
void add_magnitudes(AutomatonBuilder& builder, int32_t from, const Digits& low, const Digits* high,
                    int32_t to) {
  const auto add_wholes = [&](uint64_t first, uint64_t last, const Digits* above,
                              const Digits* below) {
    if (first > last) return;
    const int32_t behind = builder.add_node();
    add_naturals(builder, from, first, last, behind);
    Fractions(builder, above, below, to).add_to(behind);
  };
  if (high == nullptr) {
    add_wholes(low.whole, low.whole, &low, nullptr);
    add_wholes(low.whole + 1, kLargest, nullptr, nullptr);
  } else if (low.whole == high->whole) {
    add_wholes(low.whole, low.whole, &low, high);
  } else if (low.whole < high->whole) {
    add_wholes(low.whole, low.whole, &low, nullptr);
    add_wholes(low.whole + 1, high->whole - 1, nullptr, nullptr);
    add_wholes(high->whole, high->whole, nullptr, high);
  }
}

}  // namespace

void add_integers(AutomatonBuilder& builder, int32_t from, std::optional<int64_t> min,
                  std::optional<int64_t> max, int32_t to) {
  if (!max || *max >= 0) {
    add_naturals(builder, from, min && *min > 0 ? magnitude(*min) : 0,
                 max ? magnitude(*max) : kLargest, to);
  }
  if (!min || *min < 0) {
    add_naturals(builder, builder.byte(from, '-'), max && *max < 0 ? magnitude(*max) : 1,
                 min ? magnitude(*min) : kLargest, to);
  }
}

Status add_decimals(AutomatonBuilder& builder, int32_t from, std::optional<NumberBound> min,
                    std::optional<NumberBound> max, int32_t to) {
  Digits low;
  Digits high;
  if (min) {
    LW_ASSIGN_OR_RETURN(low, digits_of(*min));
  }
  if (max) {
    LW_ASSIGN_OR_RETURN(high, digits_of(*max));
  }
  const Digits zero;
  if (!max || max->value >= 0.0) {
    const bool positive = min && min->value >= 0.0;
    add_magnitudes(builder, from, positive ? low : zero, max ? &high : nullptr, to);
  }
  if (!min || min->value < 0.0) {
    const bool negative = max && max->value <= 0.0;
    add_magnitudes(builder, builder.byte(from, '-'), negative ? high : zero, min ? &low : nullptr,
                   to);
  }
  return {};
}

}  // namespace lanewise::grammar
