#pragma once

#include <cstdint>

namespace lanewise::test {

/// Counts allocations with `new` on all threads until stop_counting(), which returns the number.
void start_counting();
int64_t stop_counting();

/// Bytes currently allocated with `new`, as requested.
int64_t live_bytes();

enum class Failing {
  kOnce,  ///< one allocation, as when a large block is not available
  kFrom,  ///< that one and all later ones, as when memory is exhausted
};

/// Makes the `number`-th allocation from now on fail, on any thread; 1: the next one.
void start_failing(int64_t number, Failing failing);
enum class Failed {
  kNone,    ///< there were fewer allocations
  kNull,    ///< only forms that return null, which a caller can handle
  kThrown,  ///< one that throws
};
/// Returns what has failed. Allocations succeed again.
Failed stop_failing();

}  // namespace lanewise::test
