#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Names of weights that are stored wider than the others.
using WideWeights = std::set<std::string, std::less<>>;

/// The fewest weights to keep wide, those with the largest errors first, that bring what `measure`
/// says down to `max_error`. Measures for about log2 of their number.
///
/// errors   output_error() by weight, 0 where it is not known
/// measure  the relative error of the model with these weights wide
/// Fails with kInvalidArgument where not even all of them are enough, and as `measure` does.
Result<WideWeights> choose_wide_weights(
    const std::map<std::string, double>& errors, double max_error,
    const std::function<Result<double>(const WideWeights& wide)>& measure);

}  // namespace lanewise::converters
