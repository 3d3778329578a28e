#include "converters/quantize/inverse_root.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "converters/quantize/dots.hpp"

namespace lanewise::converters {
namespace {

/// The lower L with L L^T = a, in its place; false where there is none. Rows go in fours, which
/// share each row above them.
bool cholesky(std::vector<double>& a, size_t k) {
  for (size_t begin = 0; begin < k; begin += 4) {
    const size_t end = std::min(begin + 4, k);
    double* rows = &a[begin * k];
    if (end == begin + 4) {
      for (size_t j = 0; j < begin; ++j) {
        const std::array<double, 4> sums = four_dots(rows, k, &a[j * k], j);
        for (size_t r = 0; r < 4; ++r) {
          rows[r * k + j] = (rows[r * k + j] - sums[r]) / a[j * k + j];
        }
      }
    }
    for (size_t i = begin; i < end; ++i) {
      double* row = &a[i * k];
      for (size_t j = end == begin + 4 ? begin : 0; j < i; ++j) {
        row[j] = (row[j] - dot(row, &a[j * k], j)) / a[j * k + j];
      }
      const double square = row[i] - dot(row, row, i);
      if (!(square > 0)) return false;
      row[i] = std::sqrt(square);
    }
  }
  return true;
}

/// The transpose of L^-1: row j holds its column j, zeros before j. Columns go in fours, too.
std::vector<double> inverse_transposed(const std::vector<double>& l, size_t k) {
  std::vector<double> inverse(k * k);
  for (size_t begin = 0; begin < k; begin += 4) {
    const size_t end = std::min(begin + 4, k);
    double* columns = &inverse[begin * k];
    for (size_t i = begin; i < k; ++i) {
      const double* row = &l[i * k + begin];
      const double scale = 1 / l[i * k + i];
      if (end == begin + 4) {
        const std::array<double, 4> sums = four_dots(columns + begin, k, row, i - begin);
        for (size_t r = 0; r < 4; ++r) {
          columns[r * k + i] = ((begin + r == i ? 1.0 : 0.0) - sums[r]) * scale;
        }
        continue;
      }
      for (size_t r = 0; r < end - begin; ++r) {
        const double sum = dot(columns + r * k + begin, row, i - begin);
        columns[r * k + i] = ((begin + r == i ? 1.0 : 0.0) - sum) * scale;
      }
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
