#pragma once

#include <functional>
#include <string>

#include "cli/bench/result.hpp"
#include "lanewise/status.hpp"

namespace lanewise::cli {

/// Loads a model and runs it once: two times in ms.
struct StartTime {
  double load_ms = 0.0;
  double first_run_ms = 0.0;
};

/// Calls `start` several times with `path` in the page cache and not, in turn, and returns the
/// medians. `path` must not be mapped by anybody meanwhile: the kernel keeps pages that are in use.
///
/// Fails with kUnsupported if `path` is no file, and as `start` does.
Result<StartTimes> measure_start(const std::string& path,
                                 const std::function<Result<StartTime>()>& start);

}  // namespace lanewise::cli
