#pragma once

#include <vector>

namespace lanewise::cli {

/// The times of a Poisson process: independent exponential gaps with a mean of 1 / rate. The seed
/// is fixed, so the same arguments give the same times.
///
/// rate     arrivals a second, > 0
/// seconds  > 0: times are below it
/// Returns at least one time, in seconds, ascending; at most 10 million.
std::vector<double> poisson_arrivals(double rate, double seconds);

}  // namespace lanewise::cli
