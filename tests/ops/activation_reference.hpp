#pragma once

/// Activations by their definitions, in double precision.

#include <cmath>
#include <string_view>

#include <gtest/gtest.h>

namespace lanewise::ops::test {

/// The activation `kind` of x, by its name in graphs.
inline double activate(std::string_view kind, double x) {
  if (kind == "none") return x;
  if (kind == "relu") return x < 0.0 ? 0.0 : x;
  // By the complement, which is exact far from zero too.
  if (kind == "gelu") return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
  if (kind == "gelu_tanh") {
    const double inner = std::sqrt(2.0 / std::acos(-1.0)) * (x + 0.044715 * x * x * x);
    return 0.5 * x * (1.0 + std::tanh(inner));
  }
  if (kind == "silu") return x / (1.0 + std::exp(-x));
  if (kind == "tanh") return std::tanh(x);
  ADD_FAILURE() << "no activation " << kind;
  return x;
}

}  // namespace lanewise::ops::test
