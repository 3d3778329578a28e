#pragma once

#include <cstddef>

namespace lanewise::ops {

/// The arguments of a kernel whose rows are independent of each other: rows of x in, rows of y out.
struct RowBlock {
  const float* x;   // [rows, dim]
  size_t x_stride;  // floats between rows, >= dim
  float* y;         // [rows, dim]
  size_t y_stride;
  size_t rows;
  size_t dim;
};

}  // namespace lanewise::ops
