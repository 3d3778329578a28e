#pragma once

#include <span>

namespace lanewise::ops {

/// What the calling thread reads from `memory` at best, in GB/s: what a step that uses every weight
/// once can reach.
///
/// memory  written before, at least 8 MiB; it is read three times, and what a cache can hold of it
///         comes from there. For several threads give each its own part, at the same time, and add.
/// Thread-safe.
double measure_read_gbps(std::span<const float> memory);

}  // namespace lanewise::ops
