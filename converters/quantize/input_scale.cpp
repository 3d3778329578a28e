#include "converters/quantize/input_scale.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "converters/quantize/in_parallel.hpp"
#include "converters/quantize/quantize_rows.hpp"

namespace lanewise::converters {
namespace {

// Below 0.3 the weights get nearly all of the even steps, above 0.8 the inputs; neither was ever
// best.
constexpr double kAlphas[] = {0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8};

/// max_r |x[r, j]| for x [rows, k]
std::vector<double> column_maxima(std::span<const float> x, size_t k) {
  std::vector<double> maxima(k);
  for (size_t row = 0; row < x.size(); row += k) {
    for (size_t j = 0; j < k; ++j) {
      maxima[j] = std::max(maxima[j], static_cast<double>(std::abs(x[row + j])));
    }
  }
  // An input near zero in these texts may be larger in others, so the factor is bounded.
  constexpr double kFloor = 0.01;
  double sum = 0;
  for (const double most : maxima) sum += most;
  const double least = std::max(kFloor * sum / static_cast<double>(k), 1e-20);
  for (double& most : maxima) most = std::max(most, least);
  return maxima;
}

std::vector<float> input_scale(const std::vector<double>& w_max, const std::vector<double>& x_max,
                               double alpha) {
  std::vector<double> logs(w_max.size());
  double mean = 0;
  for (size_t j = 0; j < logs.size(); ++j) {
    logs[j] = (1 - alpha) * std::log(w_max[j]) - alpha * std::log(x_max[j]);
    mean += logs[j] / static_cast<double>(logs.size());
  }
  std::vector<float> scale(logs.size());
  for (size_t j = 0; j < scale.size(); ++j) scale[j] = static_cast<float>(std::exp(logs[j] - mean));
  return scale;
}

/// sum_i (a[i, j] - b[i, j])^2 for every j
std::vector<double> column_errors(std::span<const float> a, std::span<const float> b, size_t k) {
  std::vector<double> sums(k);
  for (size_t row = 0; row < a.size(); row += k) {
    for (size_t j = 0; j < k; ++j) {
      const double d = static_cast<double>(a[row + j]) - b[row + j];
      sums[j] += d * d;
    }
  }
  return sums;
}

// Outputs over which the error is summed: enough to represent the sum over all.
constexpr size_t kMostOutputs = 192;

/// Rows of w [n, k], evenly spread.
std::vector<float> some_outputs(std::span<const float> w, size_t n, size_t k) {
  const size_t count = std::min(n, kMostOutputs);
  std::vector<float> some;
  some.reserve(count * k);
  for (size_t i = 0; i < count; ++i) {
    const std::span<const float> row = w.subspan(i * n / count * k, k);
    some.insert(some.end(), row.begin(), row.end());
  }
  return some;
}

double expected_error(std::span<const float> w, const InputRows& x, const Rounding& rounding) {
  const auto k = static_cast<size_t>(x.k);
  const std::vector<float> importance = mean_squares(x);
  const std::vector<double> dx = column_errors(x.x, rounded_rows(x, WeightFormat::i8).x, k);
  const std::vector<double> dw = column_errors(w, dequantize(rounding(w, importance)), k);
  const std::vector<float> zeros(w.size());
  const std::vector<double> ww = column_errors(w, zeros, k);
  double error = 0;
  for (size_t j = 0; j < k; ++j) {
    error += dx[j] * ww[j] + dw[j] * importance[j] * static_cast<double>(x.rows);
  }
  return error;
}

}  // namespace

std::vector<float> divided_columns(std::span<const float> w,
                                   const std::vector<float>& input_scale) {
  std::vector<float> result(w.begin(), w.end());
  for (size_t at = 0; at < result.size(); ++at) result[at] /= input_scale[at % input_scale.size()];
  return result;
}

std::vector<float> find_input_scale(std::span<const float> w, int64_t n, const InputRows& x,
                                    const Rounding& rounding, exec::Team& team) {
  if (n == 0 || x.rows == 0) return {};
  const std::vector<double> w_max = column_maxima(w, static_cast<size_t>(x.k));
  const std::vector<double> x_max = column_maxima(x.x, static_cast<size_t>(x.k));
  const std::vector<float> some = some_outputs(w, static_cast<size_t>(n), static_cast<size_t>(x.k));
  std::vector<double> errors(std::size(kAlphas) + 1);  // the last is for factors of 1
  in_parallel(team, static_cast<int64_t>(errors.size()), [&](int64_t i) {
    const auto at = static_cast<size_t>(i);
    if (at == std::size(kAlphas)) {
      errors[at] = expected_error(some, x, rounding);
      return;
    }
    const std::vector<float> scale = input_scale(w_max, x_max, kAlphas[at]);
    errors[at] = expected_error(divided_columns(some, scale), scaled_rows(x, scale), rounding);
  });
  const auto best = std::min_element(errors.begin(), errors.end() - 1);
  if (!(*best < errors.back())) return {};
  return input_scale(w_max, x_max, kAlphas[best - errors.begin()]);
}

}  // namespace lanewise::converters
