#pragma once

#include <cstdint>

namespace lanewise::cli {

/// How often this process asked operator new for memory so far, on all threads. The program
/// replaces that operator to count, for `lanewise bench`.
int64_t allocations() noexcept;

}  // namespace lanewise::cli
