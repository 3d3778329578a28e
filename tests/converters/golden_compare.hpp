#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "lanewise/tensor.hpp"

namespace lanewise::converters {

/// Rows of a matrix of ids, each truncated at its first -1.
inline std::vector<std::vector<int32_t>> rows_of(const Tensor& matrix) {
  std::vector<std::vector<int32_t>> rows;
  const int64_t width = matrix.shape()[1];
  for (int64_t r = 0; r < matrix.shape()[0]; ++r) {
    const int32_t* row = matrix.as<int32_t>() + r * width;
    rows.emplace_back(row, std::find(row, row + width, -1));
  }
  return rows;
}

/// The difference between results and expected values.
struct Difference {
  double largest = 0;
  double magnitude = 0;  ///< the largest one expected
};

/// Compares the first elements of `found`, as many as are expected.
inline Difference difference_of(const Tensor& found, const Tensor& expected) {
  Difference difference;
  for (int64_t i = 0; i < *element_count(expected.shape()); ++i) {
    const double x = expected.as<float>()[i];
    difference.magnitude = std::max(difference.magnitude, std::abs(x));
    difference.largest = std::max(difference.largest, std::abs(x - double{found.as<float>()[i]}));
  }
  return difference;
}

}  // namespace lanewise::converters
