#pragma once

#include <cstddef>

namespace lanewise::ops {

/// Rows of several sequences, one token further.
struct RecurrentStep {
  const float* const* x;  // [rows] rows of gates * dim: the input's share of the gates
  const float* product;   // [rows, gates * dim]: the state's share, with its bias
  size_t product_stride;
  float* state;  // [rows, dim], or h | c [rows, 2 * dim]; the new one takes its place
  size_t state_stride;
  float* const* y;  // [rows] rows like those of `state`, which get the new one too
  size_t rows;
  size_t dim;
};

/// From the two shares of the gates to the new state: formulas in gru.hpp and lstm.hpp.
struct RecurrentKernels {
  void (*gru)(const RecurrentStep& step) noexcept;
  void (*lstm)(const RecurrentStep& step) noexcept;
};

}  // namespace lanewise::ops
