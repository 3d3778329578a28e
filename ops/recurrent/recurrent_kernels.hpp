#pragma once

#include <cstddef>

namespace lanewise::ops {

/// One token of several sequences.
struct RecurrentStep {
  const float* const* x;  // [rows] rows of gates * dim: the input's share of the gates
  const float* product;   // [rows, gates * dim]: the state's share, with its bias
  size_t product_stride;
  float* state;  // [rows, dim], or h | c [rows, 2 * dim]; replaced by the new one
  size_t state_stride;
  float* const* y;  // [rows] rows like those of `state`; also receive the new state
  size_t rows;
  size_t dim;
};

/// Combines both shares of the gates into the new state: formulas in gru.hpp and lstm.hpp.
struct RecurrentKernels {
  void (*gru)(const RecurrentStep& step) noexcept;
  void (*lstm)(const RecurrentStep& step) noexcept;
};

}  // namespace lanewise::ops
