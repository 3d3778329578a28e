#pragma once

/// Activations by their definitions, in double precision.

#include <algorithm>
#include <cmath>
#include <string_view>

#include <gtest/gtest.h>

namespace lanewise::ops::test {

/// The activation `kind` of x, by its name in graphs.
inline double activate(std::string_view kind, double x) {
  if (kind == "none") return x;
  if (kind == "relu") return x < 0.0 ? 0.0 : x;
  // By the complement, which is precise far from zero too.
  if (kind == "gelu") return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
  if (kind == "gelu_tanh") {
    const double inner = std::sqrt(2.0 / std::acos(-1.0)) * (x + 0.044715 * x * x * x);
    return 0.5 * x * (1.0 + std::tanh(inner));
  }
  if (kind == "silu") return x / (1.0 + std::exp(-x));
  if (kind == "tanh") return std::tanh(x);
  if (kind == "gelu_10") return std::clamp(activate("gelu", x), -10.0, 10.0);
  if (kind == "quick_gelu") return x / (1.0 + std::exp(-1.702 * x));
  if (kind == "mish") return x * std::tanh(x > 30.0 ? x : std::log1p(std::exp(x)));
  if (kind == "hard_swish") return x * std::clamp(x + 3.0, 0.0, 6.0) / 6.0;
  if (kind == "relu2") return x < 0.0 ? 0.0 : x * x;
  if (kind == "relu6") return std::clamp(x, 0.0, 6.0);
  if (kind == "leaky_relu") return x < 0.0 ? 0.01 * x : x;
  if (kind == "sigmoid") return 1.0 / (1.0 + std::exp(-x));
  if (kind == "laplace") return 0.5 * std::erfc((0.707107 - x) / (0.282095 * std::sqrt(2.0)));
  ADD_FAILURE() << "no activation " << kind;
  return x;
}

}  // namespace lanewise::ops::test
