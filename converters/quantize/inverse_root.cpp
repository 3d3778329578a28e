#include "converters/quantize/inverse_root.hpp"

#include <algorithm>
#include <cmath>

namespace lanewise::converters {
namespace {

double dot(const double* a, const double* b, size_t count) {
  // Four sums: one alone would wait for each addition.
  double sums[4] = {};
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (size_t lane = 0; lane < 4; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  }
  for (; i < count; ++i) sums[0] += a[i] * b[i];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/// The lower L with L L^T = a, in its place; false where there is none.
bool cholesky(std::vector<double>& a, size_t k) {
  for (size_t i = 0; i < k; ++i) {
    double* row = &a[i * k];
    for (size_t j = 0; j < i; ++j) {
      row[j] = (row[j] - dot(row, &a[j * k], j)) / a[j * k + j];
    }
    const double square = row[i] - dot(row, row, i);
    if (!(square > 0)) return false;
    row[i] = std::sqrt(square);
  }
  return true;
}

/// The transpose of L^-1: row j holds its column j.
std::vector<double> inverse_transposed(const std::vector<double>& l, size_t k) {
  std::vector<double> inverse(k * k);
  for (size_t j = 0; j < k; ++j) {
    double* column = &inverse[j * k];
    column[j] = 1 / l[j * k + j];
    for (size_t i = j + 1; i < k; ++i) {
      column[i] = -dot(&l[i * k + j], column + j, i - j) / l[i * k + i];
    }
  }
  return inverse;
}

}  // namespace

std::vector<float> inverse_root(std::vector<double> h, int64_t k) {
  const auto size = static_cast<size_t>(k);
  // Read backwards, the lower root of h is the upper R with h = R R^T, and U = R^-1.
  for (size_t i = 0; i < size; ++i) {
    for (size_t j = 0; j < i; ++j) h[j * size + i] = h[i * size + j];
  }
  std::reverse(h.begin(), h.end());
  if (!cholesky(h, size)) return {};
  const std::vector<double> inverse = inverse_transposed(h, size);
  std::vector<float> u(size * size);
  for (size_t i = 0; i < size; ++i) {
    for (size_t j = i; j < size; ++j) {
      u[i * size + j] = static_cast<float>(inverse[(size - 1 - j) * size + size - 1 - i]);
    }
  }
  return u;
}

}  // namespace lanewise::converters
