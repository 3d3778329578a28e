#pragma once

#include <span>

namespace lanewise::ops {

/// The highest read bandwidth of the calling thread, in GB/s: the limit for a step that uses every
/// weight once.
///
/// memory  initialised, at least 8 MiB; it is read three times, and what fits in a cache comes from
///         there. For several threads give each its own part, at the same time, and add.
/// Thread-safe.
double measure_read_gbps(std::span<const float> memory);

}  // namespace lanewise::ops
