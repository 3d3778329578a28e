#pragma once

#include <span>
#include <string>

#include "cli/bench_measure.hpp"
#include "lanewise/session.hpp"

namespace lanewise::cli {

/// One object on one line.
std::string bench_json(const BenchResult& result);

/// A human-readable table.
std::string bench_table(const BenchResult& result);

/// A trace in Chrome's format, for chrome://tracing or ui.perfetto.dev: a span for each node and
/// thread.
/// Source: the "Trace Event Format" document of the Chromium project.
std::string chrome_trace(std::span<const Session::NodeTime> profile);

}  // namespace lanewise::cli
