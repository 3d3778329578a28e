#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Names of weights that are stored at higher precision than the others.
using WideWeights = std::set<std::string, std::less<>>;

/// Returns the smallest set of weights to keep at higher precision, those with the largest errors
/// first, for which `measure` returns at most `max_error`. Calls `measure` about log2(n) times for
/// n weights.
///
/// errors   output_error() of each weight, 0 if unknown
/// measure  the relative error of the model if these weights are kept at higher precision
/// Fails with kInvalidArgument if not even all of them suffice, and as `measure` does.
Result<WideWeights> choose_wide_weights(
    const std::map<std::string, double>& errors, double max_error,
    const std::function<Result<double>(const WideWeights& wide)>& measure);

}  // namespace lanewise::converters
