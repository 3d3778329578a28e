#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "lanewise/model.hpp"

namespace lanewise::tasks {

/// The scores of one text's logits. Sums are in double precision.
std::vector<float> scores_of(std::span<const float> logits, ScoreFunction function);

/// The indices of the `count` largest values, largest first; equal ones in their order. NaN is
/// smaller than all others.
std::vector<size_t> largest(std::span<const float> values, size_t count);

}  // namespace lanewise::tasks
