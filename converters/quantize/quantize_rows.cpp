#include "converters/quantize/quantize_rows.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "base/messages.hpp"

namespace lanewise::converters {
namespace {

constexpr float kInt8Max = 127.0F;
constexpr float kInt4Max = 15.0F;
constexpr float kInt4Zero = 8.0F;
// Below this a scale or its inverse is not a normal float; such weights count as zero.
constexpr float kTiny = 1e-30F;
// Sums use 8 lanes, which compilers vectorise without permission to reorder.
constexpr int64_t kLanes = 8;

/// The nearest integer, ties to even, for |x| < 2^22: beyond 2^23 a float has no fraction bits.
float rounded(float x) {
  constexpr float kShift = 12582912.0F;  // 1.5 * 2^23
  return (x + kShift) - kShift;
}

float clamped(float x, float low, float high) {
  const float above = x < low ? low : x;
  return above > high ? high : above;
}

/// sum_i term(i)
template <typename Term>
double sum(int64_t count, Term term) {
  float lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += term(i + lane);
  }
  double total = 0;
  for (; i < count; ++i) total += term(i);
  for (const float lane : lanes) total += lane;
  return total;
}

/// In units of scale^2, so that no square overflows.
double int8_error(const float* w, const float* importance, int64_t k, float inverse) {
  return sum(k, [&](int64_t j) {
    const float x = w[j] * inverse;
    const float d = x - clamped(rounded(clamped(x, -1e6F, 1e6F)), -kInt8Max, kInt8Max);
    return importance[j] * d * d;
  });
}

float largest(const float* w, int64_t count) {
  float most = 0.0F;
  for (int64_t i = 0; i < count; ++i) most = std::max(most, std::abs(w[i]));
  return most;
}

/// A group of weights scaled to about [0, 1] or [-1, 1], where sums of squares cannot overflow.
struct Group {
  std::array<float, kMaxInt4Group> x;
  const float* importance;
  int64_t size;
};

/// x = scale * value + minimum, with the values and their error.
struct Line {
  double scale = 0;
  double minimum = 0;
  double error = std::numeric_limits<double>::infinity();
};

float nearest_int4(float x, float inverse, float minimum) {
  return clamped(rounded(clamped((x - minimum) * inverse, -1e6F, 1e6F)), 0.0F, kInt4Max);
}

double int4_error(const Group& group, double scale, double minimum) {
  const auto s = static_cast<float>(scale);
  const auto m = static_cast<float>(minimum);
  const float inverse = 1.0F / s;
  return sum(group.size, [&](int64_t i) {
    const float d = group.x[static_cast<size_t>(i)] -
                    (s * nearest_int4(group.x[static_cast<size_t>(i)], inverse, m) + m);
    return group.importance[i] * d * d;
  });
}

void keep_better(Line& best, const Group& group, double scale, double minimum) {
  if (!(std::abs(scale) > kTiny)) return;
  const double error = int4_error(group, scale, minimum);
  if (error < best.error) best = {scale, minimum, error};
}

/// The least-squares line through (value, x) for the values that rounding with `scale` and
/// `minimum` gives.
Line fitted(const Group& group, double scale, double minimum, Minimums minimums) {
  const auto m = static_cast<float>(minimum);
  const auto inverse = static_cast<float>(1.0 / scale);
  double w = 0, wq = 0, wx = 0, wqq = 0, wqx = 0;
  for (int64_t i = 0; i < group.size; ++i) {
    const double x = group.x[static_cast<size_t>(i)];
    const double importance = group.importance[i];
    const double value = nearest_int4(static_cast<float>(x), inverse, m);
    const double q = minimums == Minimums::kNone ? value - kInt4Zero : value;
    w += importance;
    wq += importance * q;
    wx += importance * x;
    wqq += importance * q * q;
    wqx += importance * q * x;
  }
  if (minimums == Minimums::kNone) {
    const double s = wqq > 0 ? wqx / wqq : 0.0;
    return {s, -kInt4Zero * s};
  }
  const double variance = w * wqq - wq * wq;
  const double s = variance > 0 ? (w * wqx - wq * wx) / variance : 0.0;
  return {s, w > 0 ? (wx - s * wq) / w : 0.0};
}

void try_range(Line& best, const Group& group, double scale, double minimum, Minimums minimums) {
  keep_better(best, group, scale, minimum);
  const Line line = fitted(group, scale, minimum, minimums);
  keep_better(best, group, line.scale, line.minimum);
}

// Ranges to try, as fractions of the full one. A fraction above 1 rounds the extremes inwards and
// the rest differently, which the fit exploits.
constexpr double kRanges[] = {1.0, 0.7, 0.76, 0.82, 0.88, 0.92, 0.96, 1.04, 1.08};

Int4Scale with_minimum(const float* w, Group& group) {
  const auto [low, high] = std::minmax_element(w, w + group.size);
  // In double: the difference of two floats can overflow a float.
  const double range = static_cast<double>(*high) - *low;
  if (range < kTiny) return {0.0F, *low};
  for (int64_t i = 0; i < group.size; ++i) {
    group.x[static_cast<size_t>(i)] =
        static_cast<float>((static_cast<double>(w[i]) - *low) / range);
  }
  Line best;
  for (const double share : kRanges) {
    try_range(best, group, share / kInt4Max, (1.0 - share) / 2, Minimums::kStored);
  }
  return {static_cast<float>(best.scale * range), static_cast<float>(best.minimum * range + *low)};
}

Int4Scale symmetric(const float* w, Group& group) {
  const float most = largest(w, group.size);
  if (most < kTiny) return {};
  const bool negative = -*std::min_element(w, w + group.size) == most;
  for (int64_t i = 0; i < group.size; ++i) group.x[static_cast<size_t>(i)] = w[i] / most;
  Line best;
  // -8 is the only value 8 scales away from zero, so it goes to the extreme, whatever its sign.
  const double unit = (negative ? 1.0 : -1.0) / kInt4Zero;
  for (const double share : kRanges) {
    try_range(best, group, share * unit, -kInt4Zero * share * unit, Minimums::kNone);
  }
  const auto scale = static_cast<float>(best.scale * most);
  return {scale, -kInt4Zero * scale};
}

/// Ones if no importance is given.
std::vector<float> importance_of(std::span<const float> importance, int64_t k) {
  if (importance.empty()) return std::vector<float>(static_cast<size_t>(k), 1.0F);
  return {importance.begin(), importance.end()};
}

QuantizedMatrix empty_matrix(WeightFormat format, int64_t n, int64_t k, int64_t group) {
  QuantizedMatrix matrix;
  matrix.format = format;
  matrix.n = n;
  matrix.k = k;
  matrix.group = group;
  matrix.values.resize(static_cast<size_t>(n * k));
  return matrix;
}

}  // namespace

Status check_finite(const std::string& name, std::span<const float> w, int64_t k) {
  const auto bad =
      std::find_if(w.begin(), w.end(), [](float x) { return !(std::abs(x) <= 1e37F); });
  if (bad == w.end()) return {};
  const int64_t at = bad - w.begin();
  return invalid_argument("weights of " + base::in_quotes(name) + ": element [" +
                          std::to_string(at / k) + ", " + std::to_string(at % k) + "] is " +
                          (std::isnan(*bad)   ? "not a number"
                           : std::isinf(*bad) ? "infinite"
                                              : "beyond 1e37") +
                          "; only f32 can represent it");
}

float int8_scale(const float* w, const float* importance, int64_t k) {
  const float most = largest(w, k);
  if (most < kTiny) return 0.0F;
  // The ranges go down by 30 %, more than was ever best; finer steps gain less than 1 % of the
  // error.
  constexpr int kSteps = 16;
  constexpr float kStep = 0.02F;
  float best_scale = 0.0F;
  double best_error = std::numeric_limits<double>::infinity();
  for (int step = 0; step < kSteps; ++step) {
    const float share = 1.0F - kStep * static_cast<float>(step);
    const float scale = most / kInt8Max * share;
    const double error =
        int8_error(w, importance, k, 1.0F / scale) * static_cast<double>(share) * share;
    if (error < best_error) {
      best_error = error;
      best_scale = scale;
    }
  }
  return best_scale;
}

Int4Scale int4_scale(const float* w, const float* importance, int64_t size, Minimums minimums) {
  Group group{{}, importance, size};
  constexpr std::array<float, kMaxInt4Group> kOnes = [] {
    std::array<float, kMaxInt4Group> ones{};
    ones.fill(1.0F);
    return ones;
  }();
  // Inputs that were never active say nothing about importance.
  if (!(largest(importance, size) > kTiny)) group.importance = kOnes.data();
  return minimums == Minimums::kStored ? with_minimum(w, group) : symmetric(w, group);
}

int8_t int8_value(float w, float scale) {
  if (scale == 0.0F) return 0;
  return static_cast<int8_t>(
      clamped(rounded(clamped(w / scale, -1e6F, 1e6F)), -kInt8Max, kInt8Max));
}

int8_t int4_value(float w, Int4Scale scale) {
  if (scale.scale == 0.0F) return 0;
  const double x = (static_cast<double>(w) - scale.minimum) / scale.scale;
  return static_cast<int8_t>(std::clamp(std::nearbyint(x), 0.0, static_cast<double>(kInt4Max)));
}

QuantizedMatrix quantize_int8(std::span<const float> w, int64_t n, int64_t k,
                              std::span<const float> importance) {
  QuantizedMatrix matrix = empty_matrix(WeightFormat::i8, n, k, k);
  const std::vector<float> weights = importance_of(importance, k);
  matrix.scales.reserve(static_cast<size_t>(n));
  for (int64_t row = 0; row < n; ++row) {
    const float* from = w.data() + row * k;
    const float scale = int8_scale(from, weights.data(), k);
    matrix.scales.push_back(scale);
    int8_t* to = matrix.values.data() + row * k;
    for (int64_t j = 0; j < k; ++j) to[j] = int8_value(from[j], scale);
  }
  return matrix;
}

QuantizedMatrix quantize_int4(std::span<const float> w, int64_t n, int64_t k, int64_t group,
                              Minimums minimums, std::span<const float> importance) {
  QuantizedMatrix matrix = empty_matrix(
      ops::find_weight_choice("int4", group).value_or(WeightFormat::i4g32), n, k, group);
  const std::vector<float> weights = importance_of(importance, k);
  for (int64_t row = 0; row < n; ++row) {
    for (int64_t begin = 0; begin < k; begin += group) {
      const int64_t at = row * k + begin;
      const int64_t size = std::min(group, k - begin);
      const Int4Scale scale = int4_scale(w.data() + at, weights.data() + begin, size, minimums);
      matrix.scales.push_back(scale.scale);
      if (minimums == Minimums::kStored) matrix.minimums.push_back(scale.minimum);
      for (int64_t j = at; j < at + size; ++j) {
        matrix.values[static_cast<size_t>(j)] = int4_value(w[static_cast<size_t>(j)], scale);
      }
    }
  }
  return matrix;
}

std::vector<float> dequantize(const QuantizedMatrix& matrix) {
  std::vector<float> w;
  w.reserve(matrix.values.size());
  for (int64_t row = 0; row < matrix.n; ++row) {
    for (int64_t j = 0; j < matrix.k; ++j) w.push_back(matrix.weight(row, j));
  }
  return w;
}

}  // namespace lanewise::converters
