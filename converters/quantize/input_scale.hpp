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

/// Finds a factor for each input that minimises the error that quantisation adds to the product. An
/// outlier among the inputs makes the quantisation step of its whole row coarse; the factors move
/// outliers from the inputs into the weights:
///
///   input_scale[j] = max_i|w[i, j]|^(1 - alpha) / max_r|x[r, j]|^alpha, normalised to a
///                    geometric mean of 1
///
/// A list of alphas is tried, and the one with the least expected error wins:
///
///   sum_j (sum_r dx[r, j]^2) (sum_i w'[i, j]^2) + (sum_r x'[r, j]^2) (sum_i dw[i, j]^2)
///
/// x' and w' are the scaled inputs and weights, dx and dw their rounding errors. The sum is the
/// squared error of the product if the errors of different inputs are independent; no product needs
/// to be computed.
/// Returns an empty vector if no alpha beats factors of 1. `rounding` is called concurrently.
/// Source: Xiao et al. 2023 (SmoothQuant), arXiv:2211.10438.
std::vector<float> find_input_scale(std::span<const float> w, int64_t n, const InputRows& x,
                                    const Rounding& rounding, exec::Team& team);

/// w[i, j] / input_scale[j]
std::vector<float> divided_columns(std::span<const float> w, const std::vector<float>& input_scale);

}  // namespace lanewise::converters
