#pragma once

#include <functional>
#include <span>
#include <vector>

#include "converters/quantize/input_rows.hpp"
#include "converters/quantize/quantized_matrix.hpp"
#include "runtime/exec/team.hpp"

namespace lanewise::converters {

/// How rows of weights are rounded, given how much each input matters.
using Rounding =
    std::function<QuantizedMatrix(std::span<const float> w, std::span<const float> importance)>;

/// Factors of the inputs that make rounding inputs and weights hurt the product least: they move
/// what makes some inputs large, and with it the steps of the whole row coarse, into the weights.
///
///   input_scale[j] = max_i|w[i, j]|^(1 - alpha) / max_r|x[r, j]|^alpha, their geometric mean 1
///
/// for the alpha of a list with the least expected error
///
///   sum_j (sum_r dx[r, j]^2) (sum_i w'[i, j]^2) + (sum_r x'[r, j]^2) (sum_i dw[i, j]^2)
///
/// where x' and w' are scaled and dx and dw what rounding does to them. That is the squared error
/// of the product if errors of different inputs are independent, and needs no product.
/// Empty where no alpha is better than ones. `rounding` is called by several threads at once.
/// Source: Xiao et al. 2023 (SmoothQuant), arXiv:2211.10438.
std::vector<float> find_input_scale(std::span<const float> w, int64_t n, const InputRows& x,
                                    const Rounding& rounding, exec::Team& team);

/// w[i, j] / input_scale[j]
std::vector<float> divided_columns(std::span<const float> w, const std::vector<float>& input_scale);

}  // namespace lanewise::converters
