#pragma once

#include <cstdint>

namespace lanewise::cli {

/// The number of calls of operator new in this process so far, on all threads. The program replaces
/// that operator to count them, for `lanewise bench`.
int64_t allocations() noexcept;

}  // namespace lanewise::cli
