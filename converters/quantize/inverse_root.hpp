#pragma once

#include <cstdint>
#include <vector>

#include "runtime/exec/team.hpp"

namespace lanewise::converters {

/// Returns the upper triangular U with U^T U = H^-1, for a symmetric positive definite h [k, k],
/// row-major, of which only the lower triangle is read. Empty if h is not (numerically) positive
/// definite. The same bits with any number of threads.
std::vector<float> inverse_root(std::vector<double> h, int64_t k, exec::Team& team);

}  // namespace lanewise::converters
