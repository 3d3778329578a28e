#pragma once

#include <array>
#include <cstddef>
#include <cstring>

namespace lanewise::converters {

/// sum_i a[r * stride + i] * b[i] for r = 0 to 3. Loads b once for four products, which would
/// otherwise be limited by loads. Uses the vector extensions of GCC and clang, because neither
/// vectorises four sums at once.
template <typename T>
std::array<double, 4> four_dots(const T* a, size_t stride, const T* b, size_t count) {
  constexpr size_t kLanes = 16 / sizeof(T);
  typedef T Vector __attribute__((vector_size(16)));
  const auto load = [](const T* from) {
    Vector vector;
    std::memcpy(&vector, from, sizeof(vector));
    return vector;
  };
  // Two sums per product: a single one would wait for its additions.
  Vector lanes[4][2] = {};
  size_t i = 0;
  for (; i + 2 * kLanes <= count; i += 2 * kLanes) {
    const Vector b0 = load(b + i);
    const Vector b1 = load(b + i + kLanes);
    for (size_t r = 0; r < 4; ++r) {
      lanes[r][0] += load(a + r * stride + i) * b0;
      lanes[r][1] += load(a + r * stride + i + kLanes) * b1;
    }
  }
  std::array<double, 4> sums{};
  for (size_t r = 0; r < 4; ++r) {
    const Vector both = lanes[r][0] + lanes[r][1];
    for (size_t lane = 0; lane < kLanes; ++lane) sums[r] += static_cast<double>(both[lane]);
    for (size_t rest = i; rest < count; ++rest) {
      sums[r] += static_cast<double>(a[r * stride + rest]) * static_cast<double>(b[rest]);
    }
  }
  return sums;
}

/// sum_i a[i] * b[i]
template <typename T>
double dot(const T* a, const T* b, size_t count) {
  constexpr size_t kLanes = 64 / sizeof(T);
  T lanes[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += a[i + lane] * b[i + lane];
  }
  double sum = 0;
  for (; i < count; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  for (const T lane : lanes) sum += static_cast<double>(lane);
  return sum;
}

}  // namespace lanewise::converters
