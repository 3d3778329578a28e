#pragma once

#include <cstdint>
#include <limits>

namespace lanewise::base {

// Arithmetic on non-negative sizes. Overflow gives INT64_MAX, which exceeds every limit on memory.

constexpr int64_t add_or_max(int64_t a, int64_t b) noexcept {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<int64_t>::max() : sum;
}

constexpr int64_t multiply_or_max(int64_t a, int64_t b) noexcept {
  int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? std::numeric_limits<int64_t>::max() : product;
}

}  // namespace lanewise::base
