#pragma once

#include <span>
#include <string>

#include "lanewise/session.hpp"

namespace lanewise::cli {

/// A trace in Chrome's format, for chrome://tracing or ui.perfetto.dev: a span for each node and
/// thread.
/// Source: the "Trace Event Format" document of the Chromium project.
std::string chrome_trace(std::span<const Session::NodeTime> profile);

}  // namespace lanewise::cli
