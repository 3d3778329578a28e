#pragma once

#include <cstdint>
#include <optional>

#include "lanewise/status.hpp"
#include "runtime/grammar/automaton.hpp"

namespace lanewise::grammar {

/// The most digits that a number has before and behind its point. 18 digits fit 64 bits; more than
/// 17 behind the point say nothing to a double.
inline constexpr int kMaxIntegerDigits = 18;
inline constexpr int kMaxFractionDigits = 17;

/// A limit of a number, if there is one.
struct NumberBound {
  double value = 0.0;
  bool excluded = false;  ///< whether the number must not be equal to it
};

/// Adds the integers from `min` to `max`, without leading zeros, between two nodes. Without a
/// limit, up to kMaxIntegerDigits.
void add_integers(AutomatonBuilder& builder, int32_t from, std::optional<int64_t> min,
                  std::optional<int64_t> max, int32_t to);

/// Adds the decimal numbers between two limits, without exponents, between two nodes. Fails with
/// kUnsupported if a limit has too many digits.
Status add_decimals(AutomatonBuilder& builder, int32_t from, std::optional<NumberBound> min,
                    std::optional<NumberBound> max, int32_t to);

}  // namespace lanewise::grammar
