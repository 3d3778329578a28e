#pragma once

#include "cli/bench/result.hpp"
#include "cli/bench/target.hpp"
#include "cli/progress.hpp"
#include "lanewise/status.hpp"

namespace lanewise::cli {

/// Sends requests to `target` for `seconds`, `rate` a second on average, at the times of a Poisson
/// process. They are served one after another in the order of their arrival. A latency counts from
/// the intended arrival, so a slow request also delays those that wait behind it, as it does for
/// people (no coordinated omission).
///
/// Ends at most `seconds` after the last arrival: of requests that were not served by then, the
/// time that they waited counts.
Result<StreamResult> run_stream(BenchTarget& target, double rate, double seconds,
                                Progress& progress);

}  // namespace lanewise::cli
