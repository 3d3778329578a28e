#include "converters/quantize/inverse_root.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "converters/quantize/dots.hpp"
#include "converters/quantize/in_parallel.hpp"

namespace lanewise::converters {
namespace {

// Columns of L that are computed together: rows below them are independent of each other.
constexpr size_t kColumns = 64;
constexpr size_t kRows = 4;

/// Computes columns [begin, end) of the rows [begin, end) of L; false if L does not exist.
bool factor_diagonal(std::vector<double>& a, size_t k, size_t begin, size_t end) {
  for (size_t i = begin; i < end; ++i) {
    double* row = &a[i * k];
    for (size_t j = begin; j < i; ++j) {
      row[j] = (row[j] - dot(row, &a[j * k], j)) / a[j * k + j];
    }
    const double square = row[i] - dot(row, row, i);
    if (!(square > 0)) return false;
    row[i] = std::sqrt(square);
  }
  return true;
}

/// The same columns of up to kRows rows below; four rows share each row above them.
void solve_rows(std::vector<double>& a, size_t k, size_t begin, size_t end, size_t first) {
  double* rows = &a[first * k];
  const size_t count = std::min(kRows, k - first);
  for (size_t j = begin; j < end; ++j) {
    const double* above = &a[j * k];
    if (count == kRows) {
      const std::array<double, kRows> sums = four_dots(rows, k, above, j);
      for (size_t r = 0; r < kRows; ++r) rows[r * k + j] = (rows[r * k + j] - sums[r]) / above[j];
      continue;
    }
    for (size_t r = 0; r < count; ++r) {
      rows[r * k + j] = (rows[r * k + j] - dot(rows + r * k, above, j)) / above[j];
    }
  }
}

/// Computes the lower L with L L^T = a in place; false if there is none.
bool cholesky(std::vector<double>& a, size_t k, exec::Team& team) {
  for (size_t begin = 0; begin < k; begin += kColumns) {
    const size_t end = std::min(begin + kColumns, k);
    if (!factor_diagonal(a, k, begin, end)) return false;
    const size_t groups = (k - end + kRows - 1) / kRows;
    in_parallel(team, static_cast<int64_t>(groups), [&](int64_t group) {
      solve_rows(a, k, begin, end, end + static_cast<size_t>(group) * kRows);
    });
  }
  return true;
}

/// Up to kRows columns of L^-1 from `begin` on.
void invert_columns(const std::vector<double>& l, size_t k, size_t begin,
                    std::vector<double>& inverse) {
  const size_t count = std::min(kRows, k - begin);
  double* columns = &inverse[begin * k];
  for (size_t i = begin; i < k; ++i) {
    const double* row = &l[i * k + begin];
    const double scale = 1 / l[i * k + i];
    if (count == kRows) {
      const std::array<double, kRows> sums = four_dots(columns + begin, k, row, i - begin);
      for (size_t r = 0; r < kRows; ++r) {
        columns[r * k + i] = ((begin + r == i ? 1.0 : 0.0) - sums[r]) * scale;
      }
      continue;
    }
    for (size_t r = 0; r < count; ++r) {
      const double sum = dot(columns + r * k + begin, row, i - begin);
      columns[r * k + i] = ((begin + r == i ? 1.0 : 0.0) - sum) * scale;
    }
  }
}

/// The transpose of L^-1: row j holds its column j, zeros before j.
std::vector<double> inverse_transposed(const std::vector<double>& l, size_t k, exec::Team& team) {
  std::vector<double> inverse(k * k);
  const size_t groups = (k + kRows - 1) / kRows;
  in_parallel(team, static_cast<int64_t>(groups), [&](int64_t group) {
    invert_columns(l, k, static_cast<size_t>(group) * kRows, inverse);
  });
  return inverse;
}

}  // namespace

std::vector<float> inverse_root(std::vector<double> h, int64_t k, exec::Team& team) {
  const auto size = static_cast<size_t>(k);
  // Read backwards, the lower root of h is the upper R with h = R R^T, and U = R^-1.
  for (size_t i = 0; i < size; ++i) {
    for (size_t j = 0; j < i; ++j) h[j * size + i] = h[i * size + j];
  }
  std::reverse(h.begin(), h.end());
  if (!cholesky(h, size, team)) return {};
  const std::vector<double> inverse = inverse_transposed(h, size, team);
  std::vector<float> u(size * size);
  for (size_t i = 0; i < size; ++i) {
    for (size_t j = i; j < size; ++j) {
      u[i * size + j] = static_cast<float>(inverse[(size - 1 - j) * size + size - 1 - i]);
    }
  }
  return u;
}

}  // namespace lanewise::converters
