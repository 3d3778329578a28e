#pragma once

#include <span>

#include "converters/quantize/input_rows.hpp"
#include "converters/quantize/quantized_matrix.hpp"
#include "runtime/exec/team.hpp"

namespace lanewise::converters {

/// Rounds the weights of one input after another, and adjusts the remaining ones to compensate for
/// the error: it minimises the error of the product with x, whose inputs are correlated, rather
/// than that of single weights.
///
/// plain   the rounding of `w` that gives the scales; its values are replaced
/// x       as rounded by the kernels, so that their rounding counts as noise
///
/// Inputs with the largest squares are rounded first, while many others can still compensate.
/// Returns `plain` unchanged if x has no information. Takes k^3 / 3 + rows k^2 / 2 + n k^2 / 2
/// multiplications and k^2 doubles. The same bits with any number of threads.
/// Source: Frantar et al. 2023 (GPTQ), arXiv:2210.17323.
QuantizedMatrix with_error_feedback(QuantizedMatrix plain, std::span<const float> w,
                                    const InputRows& x, exec::Team& team);

}  // namespace lanewise::converters
