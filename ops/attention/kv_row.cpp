#include "ops/attention/kv_row.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lanewise::ops {
namespace {

constexpr float kMostCode = 127.0f;
// The sum with it has no room for a fraction, so |x| < 2^22 is rounded to an integer, ties to even:
// std::nearbyint is a call on CPUs before SSE4.1, for which this is compiled.
constexpr float kRounder = 0x1.8p23f;

float largest_magnitude(const float* x, int64_t n) noexcept {
  float largest = 0.0f;
  for (int64_t i = 0; i < n; ++i) largest = std::max(largest, std::fabs(x[i]));
  return largest;
}

bool all_finite(const float* x, int64_t n) noexcept {
  float check = 0.0f;  // 0 * x is NaN if x is not finite
  for (int64_t i = 0; i < n; ++i) check += 0.0f * x[i];
  return check == 0.0f;
}

}  // namespace

float round_to_int8(const float* x, int64_t n, int8_t* codes, int64_t step) noexcept {
  const bool finite = all_finite(x, n);
  const float scale = largest_magnitude(x, n) / kMostCode;
  // The inverse of a smaller scale may be infinite.
  if (!finite || scale < std::numeric_limits<float>::min()) {
    for (int64_t i = 0; i < n; ++i) codes[i * step] = 0;
    return finite ? 0.0f : std::numeric_limits<float>::quiet_NaN();
  }
  const float inverse = 1.0f / scale;
  for (int64_t i = 0; i < n; ++i) {
    const float code = (x[i] * inverse + kRounder) - kRounder;
    codes[i * step] = static_cast<int8_t>(code);
  }
  return scale;
}

}  // namespace lanewise::ops
